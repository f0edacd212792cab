// Making and keeping DOM nodes. Knows nothing of Wardroom.

/** An element with attributes (`true` is an empty one, `false` and `null` none) and children. */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  set(node, attributes);
  node.append(...children);
  return node;
}

/** Sets attributes, touching only those that differ. */
export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) node.removeAttribute(name);
    else if (node.getAttribute(name) !== String(value === true ? "" : value)) {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
}

/** Sets an element's text, if it differs. */
export function text(node, content) {
  if (node.textContent !== content) node.textContent = content;
}

/**
 * Makes the children of `parent` show `items` in order. A child is kept as long as its key
 * occurs, so that focus and selection survive; `update(child, item)` is called on each.
 */
export function keyed(parent, items, keyOf, make, update) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = old.get(key);
    old.delete(key);
    if (!child) {
      child = make(item);
      child.dataset.key = key;
    }
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
    update(child, item);
  }
  for (const child of old.values()) child.remove();
}

/** A drawing from the page's sprite. It says nothing to those who do not see it. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS("http://www.w3.org/2000/svg", "use"));
  draw(svg, name);
  return svg;
}

/** Shows another drawing in an icon. */
export function draw(svg, name) {
  set(svg.firstChild, { href: `#i-${name}` });
}
