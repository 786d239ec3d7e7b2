// Looks at tables of Markdown from outside.

/** How many rows the text's tables have. Throws where one has other cells than its head. */
export function sameCells(markdown: string): number {
  let rows = 0;
  for (const block of markdown.split(/\n(?!\|)/)) {
    const [head, ...others] = block.split('\n').filter((line) => line.startsWith('|'));
    for (const row of others) {
      rows += 1;
      if (cells(row) !== cells(head ?? '')) throw new Error(`${row}\ndoes not fit under\n${head}`);
    }
  }
  return rows;
}

const cells = (row: string): number => row.split(' | ').length;
