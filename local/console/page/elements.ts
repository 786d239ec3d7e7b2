// The few ways in which the page touches its document. Text only ever becomes text, never markup.

/** The element of the page's HTML; a bug if it is not there. */
export function the<Wanted extends Element = HTMLElement>(
  selector: string,
  within: ParentNode = document,
): Wanted {
  const found = within.querySelector<Wanted>(selector);
  if (found === null) throw new Error(`The page has no ${selector}`);
  return found;
}

type Content = string | Node;

export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...content: readonly Content[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...content);
  return element;
}

const SVG = 'http://www.w3.org/2000/svg';

export function draw<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string | number>> = {},
  ...content: readonly Content[]
): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, `${value}`);
  element.append(...content);
  return element;
}

/** Only where it differs: what is read aloud is not read twice, and no layout is done for nothing. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** How much of a life is left, as a bar. */
export interface LifeBar {
  readonly root: HTMLElement;
  show(share: number, words: string): void;
}

export function lifeBar(label: string): LifeBar {
  const bar = make('div');
  const root = make(
    'div',
    {
      class: 'meter',
      role: 'meter',
      'aria-label': label,
      'aria-valuemin': '0',
      'aria-valuemax': '100',
    },
    bar,
  );
  return {
    root,
    show(share, words) {
      bar.style.width = `${(share * 100).toFixed(1)}%`;
      setAttribute(root, 'aria-valuenow', `${Math.round(share * 100)}`);
      setAttribute(root, 'aria-valuetext', words);
    },
  };
}
