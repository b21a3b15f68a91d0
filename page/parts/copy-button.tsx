import { useState } from 'preact/hooks';
import { useSettings } from '../settings/settings.tsx';

const SAID_MS = 2000;

export function CopyButton({ text, label }: { text: () => string; label: string }) {
  const { t } = useSettings();
  const [said, setSaid] = useState<'copied' | 'copy.failed' | undefined>();
  const copy = async () => {
    setSaid((await copied(text())) ? 'copied' : 'copy.failed');
    setTimeout(() => setSaid(undefined), SAID_MS);
  };
  return (
    <button type="button" class="copy" onClick={copy}>
      {label}
      <span role="status" class="said">
        {said ? t(said) : ''}
      </span>
    </button>
  );
}

/** Pages from files may not use the clipboard everywhere: then the old way. */
async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedFromField(text);
  }
}

function copiedFromField(text: string): boolean {
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'hidden';
  document.body.append(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  return done;
}
