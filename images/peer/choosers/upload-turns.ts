import { chooseWaiter, type Waiter } from './choose-turn.ts';

/**
 * UPLOAD TURNS. A link that is shared by many at once brings everybody's piece late; one that serves a few at a time brings some of them
 * early, who pass them on meanwhile. So a peer with a limit on what it sends gives turns: whoever has one asks for one piece. Neither
 * which piece nor for whom is decided before the link has room for it.
 */

/** A turn that nobody makes use of in this time is over. */
const TURN_MS = 1000;
/** Who reads nothing for so long does not hold up others: its turn is over, although its call may go on. */
const IDLE_MS = 4000;
/** Turns that one may wait for at the same time: one to be served in, and one to follow at once. */
const MAX_WANTS = 2;

export interface UploadTurnsInit {
  /** Turns that are under way at one time. */
  readonly slots: number;
  readonly reciprocity: boolean;
  /** Rings once after so long, unless what it gives is called before: timers, or the clock of a simulation. */
  readonly after?: (ms: number, ring: () => void) => () => void;
}

function realAfter(ms: number, ring: () => void): () => void {
  const timer = setTimeout(ring, ms);
  return () => clearTimeout(timer);
}

/** Somebody who may wait for turns. */
export interface Guest {
  /** Bytes that this peer got from it lately. */
  gave(): number;
  /** It is its turn: sees to it that the guest hears of it. */
  granted(turn: Turn): void;
}

export interface Turn {
  readonly number: number;
  /** What to do when it is over, whether a call was made or not. */
  onOver?: () => void;
}

/** A turn that is used by a call. */
export interface TurnInUse extends Disposable {
  readonly turn: Turn;
  /** Something was read. */
  moved(): void;
}

interface Seat extends Waiter {
  lastTurn: number;
  wants: number;
  readonly guest: Guest;
}

interface Held {
  readonly turn: Turn;
  readonly seat: Seat;
  stopTimer: () => void;
  isUsed: boolean;
}

export class UploadTurns {
  readonly #init: UploadTurnsInit;
  readonly #after: NonNullable<UploadTurnsInit['after']>;
  readonly #seats = new Map<Guest, Seat>();
  /** Of those, who wants a turn now. */
  readonly #waiting = new Set<Seat>();
  readonly #held = new Map<number, Held>();
  #turns = 0;

  constructor(init: UploadTurnsInit) {
    this.#init = init;
    this.#after = init.after ?? realAfter;
  }

  /** `guest` wants more turns. */
  want(guest: Guest, turns: number): void {
    const seat = this.#seats.get(guest) ?? this.#seatOf(guest);
    this.#seats.set(guest, seat);
    seat.wants = Math.min(MAX_WANTS, seat.wants + turns);
    if (seat.wants > 0) this.#waiting.add(seat);
    this.#give();
  }

  isWaiting(guest: Guest): boolean {
    return (this.#seats.get(guest)?.wants ?? 0) > 0;
  }

  /** It does not need this turn. */
  pass(guest: Guest, number: number): void {
    const held = this.#held.get(number);
    if (held?.seat.guest === guest && !held.isUsed) this.#over(held);
  }

  leave(guest: Guest): void {
    const seat = this.#seats.get(guest);
    if (seat) this.#waiting.delete(seat);
    this.#seats.delete(guest);
    for (const held of this.#held.values()) if (held.seat.guest === guest && !held.isUsed) this.#over(held);
  }

  /** A call shows the number of a turn: its place is taken until the call ends, or nothing is read. */
  use(number: number): TurnInUse | undefined {
    const held = this.#held.get(number);
    if (!held || held.isUsed) return undefined;
    held.isUsed = true;
    this.#restart(held, IDLE_MS);
    return {
      turn: held.turn,
      moved: () => {
        if (this.#held.has(number)) this.#restart(held, IDLE_MS);
      },
      [Symbol.dispose]: () => this.#over(held),
    };
  }

  #seatOf(guest: Guest): Seat {
    return {
      guest,
      wants: 0,
      lastTurn: this.#turns,
      get gave() {
        return guest.gave();
      },
    };
  }

  #give(): void {
    while (this.#held.size < this.#init.slots) {
      const number = this.#turns + 1;
      const seat = chooseWaiter(this.#waiting, number, this.#init.reciprocity);
      if (!seat) return;
      this.#turns = number;
      if (--seat.wants === 0) this.#waiting.delete(seat);
      seat.lastTurn = number;
      const stopTimer = this.#after(TURN_MS, () => this.#over(held));
      const held: Held = { turn: { number }, seat, isUsed: false, stopTimer };
      this.#held.set(number, held);
      seat.guest.granted(held.turn);
    }
  }

  #restart(held: Held, ms: number): void {
    held.stopTimer();
    held.stopTimer = this.#after(ms, () => this.#over(held));
  }

  #over(held: Held): void {
    held.stopTimer();
    if (!this.#held.delete(held.turn.number)) return;
    held.turn.onOver?.();
    this.#give();
  }
}
