// The views of a product change the address without loading a page, as single-page applications do.
const show = () => {
  const view = location.hash.slice(1);
  for (const text of document.querySelectorAll('[data-text]')) text.hidden = text.dataset.text !== view;
};
for (const button of document.querySelectorAll('[data-view]')) {
  button.addEventListener('click', () => {
    history.pushState(null, '', `#${button.dataset.view}`);
    show();
  });
}
addEventListener('popstate', show);
show();
