import { useState } from 'react';
import { t } from '../shared/messages/text';
import { isLoggedIn } from './login';

/** The log-out button, for readers who have logged in through the form. */
export function LogOut() {
  const [offered] = useState(() => isLoggedIn(document.cookie));
  if (!offered) return null;
  return (
    <form method="post" action="logout">
      <button type="submit" className="button">
        {t('logOut')}
      </button>
    </form>
  );
}
