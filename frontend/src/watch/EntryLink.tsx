import { type Query, withoutFilters, writeQuery } from '../address/query';
import { useQuery } from '../address/useQuery';

/** Leads to what a list's entry stands for. A link, so that its address can be copied, or opened in another tab. */
export function EntryLink({
  show,
  onFollow,
  children,
}: {
  /** What to show, without any other filter. */
  show: Partial<Query>;
  /** Called when the page shows it; not when another tab does. */
  onFollow: () => void;
  children: string;
}) {
  const [query, change] = useQuery();
  const wanted = { ...withoutFilters(query), visitor: null, ...show };
  return (
    <a
      className="link-button line"
      translate="no"
      href={`?${writeQuery(wanted).toString()}`}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        change(wanted);
        onFollow();
      }}
    >
      {children}
    </a>
  );
}
