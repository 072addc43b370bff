import { useState } from 'react';
import { hasPass } from './pass';

/** The way out, for those who came in through the login form. */
export function LogOut() {
  const [offered] = useState(() => hasPass(document.cookie));
  if (!offered) return null;
  return (
    <form method="post" action="/logout">
      <button type="submit" className="button">
        Log out
      </button>
    </form>
  );
}
