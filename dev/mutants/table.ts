import type { Mutant } from './mutant.ts';
import type { Demand } from './trial.ts';

/**
 * THE MUTANTS: each breaks one rule and names the scenario that must notice, and how. The first part breaks the system under test,
 * the second one the lab: there, a run that must fail no longer does.
 */

const fails = (because: string): Demand => ({ verdict: 'fail', because });
/** What the broken rule is about is not noticed any more; the same peers are caught at something else. */
const onlyFails = (because: string, spared: string): Demand => ({ verdict: 'fail', because, spared });
const NOT_IN_FORCE: Demand = { verdict: 'inconclusive', because: 'faults in force' };
/** Of the scenario `swarm-two-files`. */
const SEEDER_SENDS_LITTLE = 'groups.seeder.metrics.peerlab_transfer_bytes_total{direction="sent"} <= 75497472';
const PASSES: Demand = { verdict: 'pass' };

const FLIP_A_BIT = 'content[0] = (content[0] ?? 0) ^ 1;';

const PRODUCT: readonly Mutant[] = [
  {
    name: 'flips-received-byte',
    rule: 'what is received is stored as it came',
    edits: [
      {
        file: 'images/peer/client/lane.ts',
        find: '    file.add(index, piece);',
        replace: '    piece[0] = (piece[0] as number) ^ 1;\n    file.add(index, piece);',
      },
    ],
    scenario: 'basic',
    becomes: fails('integrity'),
  },
  {
    name: 'flips-sent-byte',
    rule: 'what is sent is what was hashed',
    edits: [
      {
        file: 'images/peer/server/send-file.ts',
        find: '    const about = position === offset',
        replace: `    ${FLIP_A_BIT}\n    const about = position === offset`,
      },
    ],
    scenario: 'basic',
    becomes: fails('transfers.failed == 0'),
  },
  {
    name: 'trusts-the-sender',
    rule: 'a file gets its name only when every piece is right (a sender flips a byte)',
    edits: [
      {
        file: 'images/peer/server/send-file.ts',
        find: '    const about = position === offset',
        replace: `    ${FLIP_A_BIT}\n    const about = position === offset`,
      },
      {
        file: 'images/peer/client/lane.ts',
        find: 'if (!piece || !hasher?.digest().equals(file.pieceHash(index))) {',
        replace: 'if (!piece || !hasher) {',
      },
    ],
    scenario: 'basic',
    becomes: fails('integrity'),
  },
  {
    name: 'names-partial-file',
    rule: 'a file gets its name only when it is whole',
    edits: [{ file: 'images/peer/client/swarm.ts', find: 'await this.#outcome.promise;', replace: '' }],
    scenario: 'basic',
    becomes: fails('integrity'),
  },
  {
    name: 'never-gives-a-source-up',
    rule: 'a source that sends nothing is given up',
    edits: [
      {
        file: 'images/peer/client/receive.ts',
        find: 'if (!waits) return stall.refresh();',
        replace: 'if (!waits || address) return stall.refresh();',
      },
    ],
    scenario: 'silent-sources',
    becomes: fails('failures.no-answer == 0'),
  },
  {
    name: 'keeps-part-files',
    rule: 'nothing of a transfer that ended stays behind in the share',
    edits: [{ file: 'images/peer/share/piece-file.ts', find: 'await rm(this.path, { force: true });', replace: '' }],
    scenario: 'basic',
    becomes: fails('nothing unfinished'),
  },
  {
    name: 'downloads-nothing',
    rule: 'a download that reports success has brought the file',
    edits: [
      {
        file: 'images/peer/client/download.ts',
        find: '    const groups = groupsOf(wanted.sources);',
        replace: [
          '    const { sha256, size = 0 } = wanted;',
          "    if (sha256) return { entry: { name: this.#init.name, size, sha256 } as ShareEntry, verified: 'tree' };",
          '    const groups = groupsOf(wanted.sources);',
        ].join('\n'),
      },
    ],
    scenario: 'basic',
    becomes: fails('integrity'),
  },
  {
    name: 'stores-no-upload',
    rule: 'an upload that was answered with success is stored',
    edits: [{ file: 'images/peer/server/take-upload.ts', find: 'await share.publish(part, filename);', replace: '' }],
    scenario: 'upload',
    becomes: fails('integrity'),
  },
  {
    name: 'announces-nothing-new',
    rule: 'what a peer receives, the directory learns',
    edits: [
      {
        file: 'images/peer/directory/session.ts',
        find: 'this.#publishedVersion < wanted)',
        replace: 'this.#publishedVersion < wanted && wanted < 0)',
      },
    ],
    scenario: 'basic',
    becomes: fails('directory lists the shares'),
  },
  {
    name: 'announces-nothing-before-it-leaves',
    rule: 'the same, where each peer logs out inside of its own steps',
    edits: [
      {
        file: 'images/peer/directory/session.ts',
        find: 'this.#publishedVersion < wanted)',
        replace: 'this.#publishedVersion < wanted && wanted < 0)',
      },
    ],
    scenario: 'barrier-wave',
    becomes: fails('directory lists the shares'),
  },
  {
    name: 'counts-bytes-twice',
    rule: 'each byte that crossed the wire is counted once',
    edits: [
      {
        file: 'images/peer/transfer-meter.ts',
        find: '.inc({ direction }, bytes);',
        replace: '.inc({ direction }, bytes * 2);',
      },
    ],
    scenario: 'basic',
    becomes: fails('bytes agree'),
  },
  {
    name: 'counts-no-upload',
    rule: 'bytes of an upload are counted where they arrive',
    edits: [
      {
        file: 'images/peer/server/take-upload.ts',
        find: '    moved(next.value.content.length);',
        replace: '    moved(0);',
      },
    ],
    scenario: 'upload',
    becomes: fails('bytes agree'),
  },
  {
    name: 'counts-sent-bytes-twice',
    rule: 'bytes are counted right where they leave, too',
    edits: [
      {
        file: 'images/peer/server/peer-server.ts',
        find: '        transfer.moved(bytes);',
        replace: '        transfer.moved(bytes * 2);',
      },
    ],
    scenario: 'basic',
    becomes: fails('bytes agree'),
  },
  {
    name: 'answers-no-bytes',
    rule: 'the answer to a transfer says how many bytes moved',
    edits: [
      {
        file: 'images/peer/client/tally.ts',
        find: 'bytes: sources.reduce((sum, source) => sum + source.bytes, 0)',
        replace: 'bytes: 0',
      },
    ],
    scenario: 'basic',
    becomes: fails('bytes agree'),
  },
  {
    name: 'names-wrong-source',
    rule: 'the answer to a transfer says from whom the bytes came',
    edits: [
      {
        file: 'images/peer/client/tally.ts',
        find: '({ ...figures }));',
        replace: '({ ...figures, peer: "127.0.0.1:1" }));',
      },
    ],
    scenario: 'basic',
    becomes: fails('bytes agree'),
  },
  {
    name: 'records-no-cut-call',
    rule: 'the answer to a transfer says which calls were ended early (a source that is left may have sent more than came)',
    edits: [
      {
        file: 'images/peer/client/tally.ts',
        find: 'this.#of(address).cut = true;',
        replace: 'void this.#of(address);',
      },
    ],
    scenario: 'endless-source',
    becomes: fails('bytes agree'),
  },
  {
    name: 'ends-by-itself',
    rule: 'a peer runs until it is asked to stop',
    edits: [
      {
        file: 'images/peer/control.ts',
        find: 'await directory.logout();',
        replace: 'await directory.logout();\n      setTimeout(() => process.exit(0), 100);',
      },
    ],
    scenario: 'index-freshness',
    becomes: fails('instances lived'),
  },
  {
    name: 'says-no-goodbye',
    rule: 'a peer that is asked to end logs out',
    edits: [
      {
        file: 'images/peer/directory/session.ts',
        find: 'Promise.race([promise, this.logout().catch(() => {})])',
        replace: 'void promise',
      },
    ],
    scenario: 'late-answer',
    becomes: fails('ended in order'),
  },
  {
    name: 'indexes-one-file-less',
    rule: 'every file that a peer publishes is indexed',
    edits: [
      {
        file: 'images/directory/registry.ts',
        find: 'holder.copies = files.map(',
        replace: 'holder.copies = files.slice(1).map(',
      },
    ],
    scenario: 'basic',
    becomes: fails('directory tells the truth'),
  },
  {
    name: 'ignores-loadfiles',
    rule: 'a list that is published replaces the one before',
    edits: [
      {
        file: 'images/directory/handlers.ts',
        find: 'registry.replaceFiles(registry.holderOf(tokenHash), files)',
        replace: 'void registry.holderOf(tokenHash)',
      },
    ],
    scenario: 'index-freshness',
    becomes: fails('directory tells the truth'),
  },
  {
    name: 'ignores-logout',
    rule: 'who logs out leaves the index',
    edits: [
      {
        file: 'images/directory/handlers.ts',
        find: 'registry.remove(registry.holderOf(tokenHash))',
        replace: 'void registry.holderOf(tokenHash)',
      },
    ],
    scenario: 'upload',
    becomes: fails('directory tells the truth'),
  },
  {
    name: 'finds-who-left',
    rule: 'a search names nobody who has logged out',
    edits: [
      {
        file: 'images/directory/registry.ts',
        find: 'for (const copy of copies) this.#files.remove(copy);',
        replace: 'void copies;',
      },
    ],
    scenario: 'upload',
    becomes: fails('directory tells the truth'),
  },
  {
    name: 'indexes-who-left',
    rule: 'the index names nobody who has logged out',
    edits: [
      {
        file: 'images/directory/registry.ts',
        find: 'this.#byAddress.delete(address);\n    this.#byToken',
        replace: 'this.#byToken',
      },
      { file: 'images/directory/registry.ts', find: 'registration.copies = [];', replace: '' },
    ],
    scenario: 'index-freshness',
    becomes: fails('directory tells the truth'),
  },
  {
    name: 'finds-one-holder-less',
    rule: 'a search names every peer that has the content',
    edits: [
      {
        file: 'images/directory/registry.ts',
        find: 'compareRank(a.holder, b.holder));',
        replace: 'compareRank(a.holder, b.holder)).slice(best.size > 1 ? 1 : 0);',
      },
    ],
    scenario: 'basic',
    becomes: fails('directory tells the truth'),
  },
  {
    name: 'indexes-one-peer-less',
    rule: 'the index names every peer',
    edits: [
      {
        file: 'images/directory/registry.ts',
        find: 'of this.#byAddress.keys()) keys.offer',
        // The first that shares anything: of one without files nobody would know that it is missing.
        replace:
          'of [...this.#byAddress.keys()].filter((one, _at, all) => one !== all.find((other) => this.#byAddress.get(other)?.copies.length))) keys.offer',
      },
    ],
    scenario: 'basic',
    becomes: fails('directory tells the truth'),
  },
  {
    name: 'renews-no-lease',
    rule: 'a heartbeat renews the lease',
    edits: [
      { file: 'images/directory/handlers.ts', find: 'registry.renew(registration, load)', replace: 'Number(load)' },
    ],
    scenario: 'short-lease',
    becomes: fails('metrics.peerlab_directory_leases_expired_total == 0'),
  },
  {
    name: 'follows-no-replica',
    rule: 'what one of several directories was told, the others learn',
    edits: [
      {
        file: 'images/directory/storage/replica.ts',
        find: 'takeOver(memory[kind] as Shelf<unknown>, news[kind], news.isAll);',
        replace: 'takeOver(memory[kind] as Shelf<unknown>, new Map(), news.isAll);',
      },
    ],
    scenario: 'directory-replica-dies',
    needsPostgres: true,
    becomes: fails('directory tells the truth'),
  },
  {
    name: 'keeps-renewals-to-itself',
    rule: 'a lease that one of several directories has renewed does not end at the others',
    edits: [
      {
        file: 'images/directory/storage/replica.ts',
        find: 'renewals: this.#ranksOf(renewed)',
        replace: 'renewals: this.#ranksOf(new Set<string>())',
      },
    ],
    scenario: 'directory-replica-dies',
    needsPostgres: true,
    becomes: fails('directory tells the truth'),
  },
  {
    name: 'gives-what-is-not-there',
    rule: 'a peer that is still fetching a file gives only pieces that it has checked',
    edits: [
      {
        file: 'images/peer/server/watch-pieces.ts',
        find: '    if (!unfinished) return { ...about, whole: true };',
        replace: '    if (!unfinished || tree) return { ...about, whole: true };',
      },
      {
        file: 'images/peer/share/piece-file.ts',
        find: '      if (!this.isWritten(index)) return false;',
        replace: '      if (index < 0) return false;',
      },
    ],
    scenario: 'swarm-two-files',
    becomes: fails('metrics.peerlab_pieces_rejected_total == 0'),
  },
  {
    name: 'hears-of-no-piece',
    rule: 'who fetches the same file is asked for the pieces that it gets',
    edits: [
      {
        file: 'images/peer/client/piece-link.ts',
        find: '    for (const index of news.have) this.#note(index);',
        replace: '    for (const index of news.have) if (index < 0) this.#note(index);',
      },
    ],
    scenario: 'swarm-two-files',
    becomes: fails(SEEDER_SENDS_LITTLE),
  },
  {
    name: 'chooses-pieces-in-order',
    rule: 'the rarest piece is fetched first',
    edits: [
      {
        file: 'images/peer/choosers/choose-piece.ts',
        find: '    const count = rarity(index);',
        replace: '    if (index >= 0) return index;\n    const count = rarity(index);',
      },
    ],
    scenario: 'swarm',
    becomes: fails('groups.seeder.metrics.peerlab_transfer_bytes_total{direction="sent"} <= 83886080'),
  },
  {
    name: 'sends-twice-first',
    rule: 'who has the whole file sends every piece once before it sends any twice',
    edits: [
      {
        file: 'images/peer/choosers/spread.ts',
        find: '    for (;;) {',
        replace:
          '    const again = this.#sent.indexOf(1, Math.floor(Math.random() * this.#sent.length));\n    if (again >= 0) return again;\n    for (;;) {',
      },
      {
        file: 'images/peer/choosers/choose-piece.ts',
        find: '    const count = rarity(index);',
        replace: '    if (index === suggested) return index;\n    const count = rarity(index);',
      },
    ],
    scenario: 'swarm-seeder-leaves',
    becomes: fails('steps.fetch.transfers.ok == 8'),
  },
];

const LAB: readonly Mutant[] = [
  {
    name: 'keeps-every-promise',
    rule: 'an expectation that is broken fails the run',
    edits: [
      {
        file: 'lab/checks/expectation.ts',
        find: ': COMPARE[comparison](actual, limit);',
        replace: ': COMPARE[comparison](actual, limit) || true;',
      },
    ],
    scenario: 'broken-promise',
    becomes: PASSES,
  },
  {
    name: 'forgets-expect-steps',
    rule: 'what an expect step saw counts',
    edits: [{ file: 'lab/checks/verdict.ts', find: ', ...judgeSteps(history)];', replace: '];' }],
    scenario: 'broken-step-promise',
    becomes: PASSES,
  },
  {
    name: 'takes-missing-for-kept',
    rule: 'an expectation on a missing figure is open, not kept',
    edits: [
      {
        file: 'lab/checks/expectation.ts',
        find: 'Number.isNaN(actual) ? null',
        replace: 'Number.isNaN(actual) ? true',
      },
    ],
    scenario: 'missing-figure',
    becomes: PASSES,
  },
  {
    name: 'reads-missing-metrics-as-zero',
    rule: 'a metric that an instance does not have is unknown, not zero',
    edits: [
      {
        file: 'lab/checks/reading.ts',
        find: 'if (value === undefined) return {',
        replace: 'if (value === undefined) return { value: 0 };\n  if (value === undefined) return {',
      },
    ],
    scenario: 'missing-metric',
    becomes: PASSES,
  },
  {
    name: 'skips-garbled-metrics',
    rule: 'a metric of which a line can not be read is unknown, not zero',
    edits: [
      {
        file: 'lab/metrics/prometheus-text.ts',
        find: 'if (!match) return { unreadable: text };',
        replace: 'if (!match) return undefined;',
      },
    ],
    scenario: 'garbled-metric',
    becomes: PASSES,
  },
  {
    name: 'checks-nothing',
    rule: 'a scenario without expectations never passes: the reader refuses it, and so does the verdict',
    edits: [
      {
        file: 'lab/scenario/schema.ts',
        find: ".min(1, 'expected at least one expectation: a run in which nothing is checked proves nothing')",
        replace: '',
      },
      { file: 'lab/checks/verdict.ts', find: 'expectations.length === 0 ||', replace: '' },
    ],
    scenario: 'no-expectations',
    becomes: PASSES,
  },
  {
    name: 'accepts-misspelt-codes',
    rule: 'an expectation on an error code that there is not is refused: it would always read 0',
    edits: [
      {
        file: 'lab/checks/figure.ts',
        find: "path[0] === 'failures' && depth === 1 && !Object.hasOwn(ERRORS, key)",
        replace: "path[0] === 'failures' && depth === 1 && !key",
      },
    ],
    scenario: 'misspelt-code',
    becomes: PASSES,
  },
  {
    name: 'forgets-failed-checks',
    rule: 'a built-in check that fails, fails the run',
    edits: [
      {
        file: 'lab/checks/verdict.ts',
        find: 'const failedCheck = failedChecks.find(({ name }) => CAUSES.has(name)) ?? failedChecks[0];',
        replace: 'const failedCheck = undefined as CheckResult | undefined;',
      },
    ],
    scenario: 'empty-claims',
    becomes: PASSES,
  },
  {
    name: 'believes-downloads',
    rule: 'the lab takes no word for a file: it looks at the disk',
    edits: [
      {
        file: 'lab/checks/integrity.ts',
        find: "if (!found) return 'is not on the disk';",
        replace: 'if (!found) return;',
      },
    ],
    scenario: 'empty-claims',
    becomes: onlyFails('directory lists the shares', 'integrity'),
  },
  {
    name: 'compares-no-hashes',
    rule: 'every file on the disk is compared byte for byte',
    edits: [
      {
        file: 'lab/checks/integrity.ts',
        find: 'if (found.sha256 !== truth.sha256)',
        replace: 'if (found.sha256 !== truth.sha256 && found.sha256 === "")',
      },
    ],
    scenario: 'garbage',
    becomes: onlyFails('directory lists the shares', 'integrity'),
  },
  {
    name: 'blames-for-translation',
    rule: 'that a machine translates addresses is no fault of the peers on it',
    edits: [
      { file: 'lab/checks/own-addresses.ts', find: 'noneWrong(isEvery ? translated : [],', replace: 'noneWrong([],' },
    ],
    scenario: 'translated',
    becomes: fails('operations.login.failed == 0'),
  },
  {
    name: 'sees-files-only',
    rule: 'what lies in a share and is no regular file fails the run',
    edits: [
      {
        file: 'lab/checks/integrity.ts',
        find: 'found.filter((one) => !isLock(one))',
        replace: 'found.filter((one) => !isLock(one) && !one.kind)',
      },
    ],
    scenario: 'odd-thing',
    becomes: PASSES,
  },
  {
    name: 'reads-half-the-disks',
    rule: 'every disk is read at the end',
    edits: [
      {
        file: 'lab/run/conductor.ts',
        find: 'this.#roster.withShares();',
        replace: "this.#roster.withShares().filter(({ name }) => !name.endsWith('1'));",
      },
    ],
    scenario: 'basic',
    becomes: fails('integrity'),
  },
  {
    name: 'misses-nobody',
    rule: 'an answer must name all who certainly share a file',
    edits: [
      {
        file: 'lab/checks/directory-answers.ts',
        find: '[...entries].filter((entry) =>',
        replace: '[...entries].filter((entry) => !entry &&',
      },
    ],
    scenario: 'empty-answers',
    becomes: PASSES,
  },
  {
    name: 'believes-in-ghosts',
    rule: 'an answer must name nobody who can not have the file',
    edits: [
      {
        file: 'lab/checks/directory-answers.ts',
        find: 'if (flaw === undefined) counts.true++;',
        replace: 'if (flaw === undefined || flaw) counts.true++;',
      },
    ],
    scenario: 'ghosts',
    becomes: PASSES,
  },
  {
    name: 'compares-no-counters',
    rule: 'the bytes that a peer counts must be those of the history',
    edits: [
      {
        file: 'lab/checks/bytes-agree.ts',
        find: 'counted > bytes + more',
        replace: '(counted > bytes + more && counted < 0)',
      },
    ],
    scenario: 'false-counters',
    becomes: onlyFails('directory lists the shares', 'bytes agree'),
  },
  {
    name: 'forgives-contradictions',
    rule: 'a peer that contradicts itself, or the run, in what it says of its transfers fails the run',
    edits: [
      {
        file: 'lab/checks/bytes-agree.ts',
        find: 'const wrong = contradictions(history);',
        replace: 'const wrong = contradictions(history).slice(0, 0);',
      },
    ],
    scenario: 'false-sources',
    becomes: PASSES,
  },
  {
    name: 'forgets-exits',
    rule: 'an instance that ends by itself fails the run',
    edits: [
      {
        file: 'lab/run/facts.ts',
        find: 'tally.exits.push({ instance, how });',
        replace: 'void [tally, instance, how];',
      },
    ],
    scenario: 'early-exit',
    becomes: PASSES,
  },
  {
    name: 'forgets-kills',
    rule: 'an instance that the lab has to kill fails the run',
    edits: [
      {
        file: 'lab/run/conductor.ts',
        find: 'onKill: (instance, graceMs) => this.#tellKill(instance, graceMs),',
        replace: 'onKill: (instance, graceMs) => void [instance, graceMs, this.#tellKill],',
      },
    ],
    scenario: 'stubborn-end',
    becomes: onlyFails('exit codes', 'ended in order'),
  },
  {
    name: 'looks-after-nobody',
    rule: 'a peer that ends without a logout fails the run',
    edits: [
      {
        file: 'lab/run/conductor.ts',
        find: 'if (!this.#completed || directories.length === 0 || signal.aborted) return;',
        replace: 'if (!this.#completed || directories.length === 0 || !signal.aborted) return;',
      },
    ],
    scenario: 'no-goodbye',
    becomes: PASSES,
  },
  {
    name: 'forgets-exit-codes',
    rule: 'an instance that ends with another exit code than 0 when it is asked to fails the run',
    edits: [
      {
        file: 'lab/run/roster.ts',
        find: 'const inOrder = !(isOwnDoing && FAILED.test(how));',
        replace: 'const inOrder = !(isOwnDoing && FAILED.test(""));',
      },
    ],
    scenario: 'bad-end',
    becomes: PASSES,
  },
  {
    name: 'forgets-what-was-told',
    rule: 'the size and hash in an answer to a transfer are held against the file',
    edits: [
      {
        file: 'lab/run/execute.ts',
        find: '...{ bytes, sources, told: { size, sha256 } },',
        replace: '...{ bytes, sources, ...(size < 0 && { told: { size, sha256 } }) },',
      },
    ],
    scenario: 'garbage',
    becomes: onlyFails('integrity', 'answers hold'),
  },
  {
    name: 'records-one-event-less',
    rule: 'every operation is in the history',
    edits: [
      {
        file: 'lab/run/recorder.ts',
        find: "['events.ndjson', operation],",
        replace: "...(operation.id === 0 ? [] : [['events.ndjson', operation] as const]),",
      },
    ],
    scenario: 'basic',
    becomes: fails('operations accounted for'),
  },
  {
    name: 'does-one-operation-less',
    rule: 'every operation that was planned is done',
    edits: [
      {
        file: 'lab/run/execute.ts',
        find: 'await inPool(flow.operations, ',
        replace: 'await inPool(flow.operations.slice(0, Math.max(1, flow.operations.length - 1)), ',
      },
    ],
    scenario: 'basic',
    becomes: fails('operations accounted for'),
  },
  {
    name: 'takes-failed-for-ok',
    rule: 'an operation that failed is recorded as failed',
    edits: [
      {
        file: 'lab/run/execute.ts',
        find: "outcome: 'failed', error: { code, message, definite }",
        replace: "outcome: 'ok', error: { code, message, definite }",
      },
    ],
    scenario: 'failing-step',
    becomes: PASSES,
  },
  {
    name: 'opens-every-barrier',
    rule: 'a barrier holds until all are there',
    edits: [
      {
        file: 'lab/run/meeting-points.ts',
        find: 'if (this.#missing(barrier, round).length === 0) met();',
        replace: 'if (round) met();',
      },
    ],
    scenario: 'barrier-wave',
    becomes: fails('transfers.failed == 0'),
  },
  {
    name: 'forgives-missed-barriers',
    rule: 'a barrier that somebody missed fails the run',
    edits: [
      {
        file: 'lab/checks/barriers.ts',
        find: "const missed = waits.filter(({ outcome }) => outcome === 'failed');",
        replace: "const missed = waits.filter(({ outcome }) => outcome === 'failed' && false);",
      },
    ],
    scenario: 'late-for-the-barrier',
    becomes: PASSES,
  },
  {
    name: 'freezes-nobody',
    rule: 'a fault is done, not only recorded (freeze)',
    edits: [{ file: 'lab/faults/freeze.ts', find: '(instance) => instance.pause()', replace: 'async () => {}' }],
    scenario: 'brief-faults',
    becomes: NOT_IN_FORCE,
  },
  {
    name: 'thaws-nobody',
    rule: 'a fault goes away when it is undone',
    edits: [{ file: 'lab/faults/freeze.ts', find: 'await instance.resume();', replace: '' }],
    scenario: 'brief-faults',
    becomes: NOT_IN_FORCE,
  },
  {
    name: 'kills-nobody',
    rule: 'a fault is done, not only recorded (kill)',
    edits: [{ file: 'lab/faults/kill.ts', find: '(instance) => instance.kill()', replace: 'async () => {}' }],
    scenario: 'brief-faults',
    becomes: NOT_IN_FORCE,
  },
  {
    name: 'lets-nobody-lie',
    rule: 'a fault is done, not only recorded (lie)',
    edits: [
      {
        file: 'lab/faults/lie.ts',
        find: 'apply: ({ how }, { instance }) => behave(instance.url, how)',
        replace: "apply: ({ how }, { instance }) => behave(instance.url, how && 'none')",
      },
    ],
    scenario: 'lying-peer',
    becomes: NOT_IN_FORCE,
  },
  {
    name: 'leaves-the-folder',
    rule: 'what cleanup could not remove is named, and the run is no pass',
    edits: [
      {
        file: 'lab/drivers/process/sweeper.ts',
        find: 'await rm(folder, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});',
        replace: '',
      },
    ],
    scenario: 'basic',
    becomes: { verdict: 'inconclusive' },
  },
  {
    name: 'cleans-nothing-up',
    rule: 'nothing is left on the machine',
    edits: [
      {
        file: 'lab/drivers/process/process-driver.ts',
        find: 'const left = await processSweeper.sweep(this.#init.runId);',
        replace: 'const left: string[] = processSweeper ? [] : [];',
      },
    ],
    scenario: 'basic',
    becomes: { verdict: 'leaked' },
  },
  {
    name: 'ignores-a-deadline',
    rule: 'an operation that is not answered in its time has failed',
    edits: [
      {
        file: 'lab/instance-http.ts',
        find: 'AbortSignal.timeout(timeoutMs)',
        replace: 'AbortSignal.timeout(timeoutMs * 100)',
      },
    ],
    scenario: 'late-answer',
    becomes: fails('operations.index.failed == 1'),
  },
  {
    name: 'cuts-nobody-off',
    rule: 'a fault of the network is done, not only recorded (cut)',
    edits: [
      {
        file: 'lab/faults/cut.ts',
        find: "await networkOf(instance).impose({ cutFrom: from === ALL ? 'all' : others(from) });",
        replace: 'void [others, from, instance];',
      },
    ],
    scenario: 'torn-network',
    becomes: NOT_IN_FORCE,
  },
  {
    name: 'limits-one-way',
    rule: 'a limit holds in each direction that it was asked for',
    edits: [{ file: 'lab/drivers/agent/rules.ts', find: 'if (down !== undefined) {', replace: 'if (down === 0) {' }],
    scenario: 'torn-network',
    becomes: NOT_IN_FORCE,
  },
  {
    name: 'leaves-packets-lost',
    rule: 'a fault of the network goes away when it is undone (lose)',
    edits: [
      {
        file: 'lab/faults/lose.ts',
        find: 'await networkOf(instance).impose({ lossFraction: undefined });',
        replace: '',
      },
    ],
    scenario: 'torn-network',
    becomes: NOT_IN_FORCE,
  },
  {
    name: 'leaves-disks-full',
    rule: 'a full disk has room again when that is undone',
    edits: [{ file: 'lab/faults/fill.ts', find: 'await diskOf(instance).release();', replace: '' }],
    scenario: 'torn-network',
    becomes: NOT_IN_FORCE,
  },
];

export const MUTANTS: readonly Mutant[] = [...PRODUCT, ...LAB];
