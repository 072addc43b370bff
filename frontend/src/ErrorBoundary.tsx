import { Component, type ReactNode } from 'react';

/** Replaces a page that could not be rendered with a message, because React would leave it blank. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <main className="page">
        <h1>This page has failed</h1>
        <p role="alert">Reload it to continue. The browser’s console says what went wrong.</p>
      </main>
    );
  }
}
