import { Component, type ReactNode } from 'react';
import { t } from './shared/messages/text';

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
        <h1>{t('failedTitle')}</h1>
        <p role="alert">{t('failedAdvice')}</p>
        <p>
          <button type="button" className="button" onClick={() => window.location.reload()}>
            {t('reload')}
          </button>
        </p>
      </main>
    );
  }
}
