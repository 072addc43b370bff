import { Component, type ReactNode } from 'react';

/** Stands in for a page that could not be rendered, so that it says so instead of going blank. */
export class Failure extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <main className="page">
        <h1>This page has failed</h1>
        <p role="alert">
          What it showed is gone. The browser’s console tells why; reloading the page may help.
        </p>
      </main>
    );
  }
}
