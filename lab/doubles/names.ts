/** Programs of this folder that a scenario can put in a peer's place; each is `<name>.ts`. */
export const DOUBLES = ['byzantine-peer'] as const;
export type Double = (typeof DOUBLES)[number];
