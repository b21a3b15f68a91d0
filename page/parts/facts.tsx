import { Foreign } from './foreign.tsx';

export type Fact = readonly [name: string, value: string | undefined];

/** Names with their values; what is not known is left out. */
export function Facts({ facts, isWide = false }: { facts: readonly Fact[]; isWide?: boolean }) {
  return (
    <dl class={isWide ? 'facts wide' : 'facts'}>
      {facts.map(
        ([name, value]) =>
          value !== undefined && (
            <div key={name}>
              <dt>
                <Foreign text={name} />
              </dt>
              <dd>
                <Foreign text={value} />
              </dd>
            </div>
          ),
      )}
    </dl>
  );
}
