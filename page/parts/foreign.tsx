import { printable } from '#proto/printable.ts';

/** Longest foreign text that is shown whole. */
const MAX_SHOWN_CHARS = 2000;
const MAX_NAME_CHARS = 80;

/**
 * Text that the page did not make: names, messages, lines of logs. It is shown, not obeyed, it says its direction for itself, and it is
 * in English or in no language, whatever that of the page.
 */
export function Foreign({ text, isCode = false }: { text: string; isCode?: boolean }) {
  const shown = printable(text, MAX_SHOWN_CHARS);
  return isCode ? (
    <code lang="en" dir="auto">
      {brokenUp(shown)}
    </code>
  ) : (
    <bdi lang="en">{shown}</bdi>
  );
}

/** A sentence with code in it, between backticks. */
export function Prose({ text }: { text: string }) {
  const parts = printable(text, MAX_SHOWN_CHARS).split('`');
  return (
    <bdi lang="en">
      {parts.map((part, n) => (n % 2 === 1 ? <code key={`${n} ${part}`}>{brokenUp(part)}</code> : part))}
    </bdi>
  );
}

/** Between the words of a long one, a line may end: narrow screens have no room for it. */
const BETWEEN_WORDS = /(?<=[./_{=,])|(?<=[a-z])(?=[A-Z])/;

function brokenUp(text: string) {
  return text.split(BETWEEN_WORDS).flatMap((word, n) => (n === 0 ? [word] : [<wbr key={`${n} ${word}`} />, word]));
}

/** A name, cut where it would fill the page. */
export function Name({ text }: { text: string }) {
  const shown = shortName(text);
  return (
    <bdi lang="en" class="name" title={shown === text ? undefined : printable(text, MAX_SHOWN_CHARS)}>
      {shown}
    </bdi>
  );
}

/** Words with code in them, as of steps. */
export function Label({ text }: { text: string }) {
  return <bdi lang="en">{brokenUp(printable(text, MAX_NAME_CHARS))}</bdi>;
}

/** A name in the quotes of the page's language, which stay beside it. */
export function Quoted({ text }: { text: string }) {
  return (
    <q>
      <Name text={text} />
    </q>
  );
}

/** For places that take no elements: drawings, titles, lists to choose from. */
export function shortName(text: string): string {
  return printable(text, MAX_NAME_CHARS);
}
