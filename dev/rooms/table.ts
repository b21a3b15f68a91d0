/**
 * THE ROOMS: every folder of the project, what it is, and what its files may import. `make check` holds all files against
 * this table, and ARCHITECTURE.md's map is made from it. A new folder needs a line here first.
 */
export interface Room {
  /** `x/` is all below x, `x/*` the files directly in x, anything else one file. The longest that fits a file is its room. */
  readonly path: string;
  /** What it is: its line in the map, in Markdown. */
  readonly is: string;
  /** What it may import beside itself, written like `path`. Packages are free to all. */
  readonly may: readonly string[];
  /** What only its tests may import beside that. */
  readonly testsMay?: readonly string[];
}

export const ROOMS: readonly Room[] = [
  {
    path: 'proto/',
    is:
      '**The wire**: what two processes must agree on. `peer.proto` and its only loader, REST and control bodies (zod), ' +
      'the error registry, the metric table, the environment table, the rules for names and units',
    may: [],
  },
  {
    path: 'images/base/',
    is:
      '**The chassis** of both services: settings, logger, metrics, slots, HTTP service with health and drain, life of a ' +
      "process; and the directory's typed client, for peers and for the directory's own tests",
    may: ['proto/'],
  },
  {
    path: 'images/directory/',
    is:
      'the directory: registry of who holds what (pure, clock injected, in memory), accounts, tickets, routes; ' +
      "`storage/` keeps it, on the disk or with others in PostgreSQL; `sd-p2p/` is the predecessor's dialect; `memory.ts` " +
      'keeps V8 from a wrong guess; `main.ts` is wiring only',
    may: ['images/base/', 'proto/'],
    testsMay: ['lab/machine/'],
  },
  {
    path: 'images/peer/',
    is:
      'the peer: `share/` (files, hashes, unfinished files and their journals), `server/` (calls that other peers make), ' +
      '`client/` (calls that this peer makes: `source-finder.ts` finds whom to ask, `download.ts` chooses how, ' +
      '`swarm.ts` has a `lane.ts` for each source; `uploads.ts`; how a crowd helps itself is in ' +
      'docs/swarm.md), `directory/` (its session ' +
      'there), control port, `cli.ts`; `memory.ts` has content collected that nobody uses any more; `host.ts` runs ' +
      'many peers in one process',
    may: ['images/base/', 'proto/'],
    testsMay: ['lab/machine/ports.ts'],
  },
  {
    path: 'images/peer/choosers/',
    is:
      'what a peer decides in a crowd, pure, with chance and time injected: which piece (`choose-piece.ts`, `work.ts`), ' +
      'whose turn (`choose-turn.ts`, `upload-turns.ts`), what to suggest (`spread.ts`); a room of its own, because ' +
      '`lab/simulate/` runs the same code',
    may: [],
  },
  {
    path: 'images/lab/',
    is: 'the lab in an image, for clusters: a Dockerfile only, what goes in is in `lab/drivers/images/`',
    may: [],
  },
  {
    path: 'lab/start.ts',
    is: 'where `bin/lab` begins: it loads the lab, and says why it can not',
    may: ['lab/main.ts'],
  },
  {
    path: 'lab/main.ts',
    is: 'the command line',
    may: ['lab/', 'proto/'],
  },
  {
    path: 'lab/*',
    is: '`play.ts`: one run as a user sees it; `stop.ts`: signals, errors that nobody caught, readers that go away; `list.ts`: the library on the terminal; `end-to-end.ts`: for tests that run the lab',
    may: [
      'lab/checks/',
      'lab/doctor/',
      'lab/drivers/*',
      'lab/history/',
      'lab/metrics/',
      'lab/page/',
      'lab/report/',
      'lab/run/',
      'lab/scenario/',
      'lab/status/',
      'lab/watchdog/',
      'proto/',
    ],
    testsMay: ['lab/limit.ts', 'lab/drivers/process/', 'lab/suite/'],
  },
  {
    path: 'lab/limit.ts',
    is: 'how much is done at one time (the services have `Slots` in the chassis, which the lab may not know)',
    may: [],
  },
  { path: 'lab/instance-http.ts', is: 'how the lab asks an instance over HTTP', may: ['proto/'] },
  {
    path: 'lab/language/',
    is:
      'what the words of the language are made of: durations, sizes, arrivals, seeded randomness, files, the world that ' +
      'a plan is laid out in, mistakes and suggestions',
    may: ['lab/doubles/names.ts', 'lab/history/events.ts', 'proto/'],
  },
  {
    path: 'lab/steps/',
    is: 'one verb of the language per file, listed in `table.ts`; pure planning',
    may: ['lab/language/', 'lab/checks/', 'lab/doubles/names.ts', 'lab/history/events.ts', 'proto/'],
    testsMay: ['lab/scenario/'],
  },
  {
    path: 'lab/scenario/',
    is: 'YAML → checked scenario → plan; shares, the scenario as it was run',
    may: ['lab/checks/', 'lab/doubles/names.ts', 'lab/language/', 'lab/steps/', 'proto/'],
  },
  {
    path: 'lab/drivers/*',
    is:
      '`driver.ts` is the one interface of drivers, `description.ts` what each says of itself, `driver.contract.ts` the one ' +
      'suite; and what several drivers need; `artifacts.ts` and `build-page.ts` make `dist/`',
    may: ['lab/doubles/names.ts', 'lab/machine/', 'proto/'],
  },
  {
    path: 'lab/drivers/table.ts',
    is: 'the table of drivers, and the only file that names concrete ones',
    may: [
      'lab/drivers/*',
      'lab/drivers/docker/description.ts',
      'lab/drivers/kubernetes/description.ts',
      'lab/drivers/process/description.ts',
      'lab/drivers/standing/description.ts',
    ],
  },
  {
    path: 'lab/drivers/process/',
    is: 'instances as processes of this machine',
    may: ['lab/drivers/*', 'lab/limit.ts', 'lab/machine/', 'proto/'],
  },
  {
    path: 'lab/drivers/docker/',
    is: 'instances as containers of a Docker engine',
    may: ['lab/drivers/*', 'lab/drivers/agent/', 'lab/drivers/images/', 'lab/limit.ts', 'lab/machine/', 'proto/'],
  },
  {
    path: 'lab/drivers/standing/',
    is: 'instances that stand already, such as the pods of a cluster: a run borrows them from their keepers',
    may: ['lab/drivers/*', 'lab/drivers/kept/', 'lab/keeper/', 'lab/limit.ts', 'proto/'],
    testsMay: ['lab/end-to-end.ts', 'lab/machine/ports.ts'],
  },
  {
    path: 'lab/drivers/kubernetes/',
    is:
      'instances as pods of a Kubernetes cluster, in a namespace for each run; `in-cluster/` has the programs of the pods beside them, ' +
      '`tunnel.ts` the one connection to all',
    may: [
      'lab/drivers/*',
      'lab/drivers/agent/',
      'lab/drivers/kept/',
      'lab/doubles/names.ts',
      'lab/limit.ts',
      'lab/machine/',
      'proto/',
    ],
    testsMay: ['lab/end-to-end.ts'],
  },
  {
    path: 'lab/drivers/kept/',
    is: 'instances whose process 1 is a keeper, for every driver that asks keepers: a place, a life there, its share and its end',
    may: ['lab/drivers/*', 'lab/keeper/', 'lab/limit.ts', 'proto/'],
  },
  {
    path: 'lab/drivers/images/',
    is: 'how container images are built and kept, for every driver of containers; who keeps them is behind `ImageStore`',
    may: ['lab/drivers/*', 'proto/'],
  },
  {
    path: 'lab/drivers/agent/',
    is:
      'the agent that disturbs networks and disks from beside an instance, its rules and its image, for every driver of ' +
      'containers; how its own containers are started is up to the driver',
    may: ['lab/drivers/*', 'lab/drivers/images/', 'lab/limit.ts', 'lab/machine/', 'proto/'],
  },
  {
    path: 'lab/keeper/',
    is:
      "process 1 of a peer's container: keeps the peer's program, and lets a lab that holds it kill, freeze and restart it and fill its " +
      'share; `client.ts` is how a lab asks it, `lay.ts` fills a share before the first start',
    may: ['lab/language/', 'lab/machine/', 'lab/scenario/', 'proto/'],
  },
  {
    path: 'lab/faults/',
    is: 'one fault per file: how it is done to an instance, undone, and looked at; `injector.ts` proves them all',
    may: ['lab/drivers/driver.ts', 'lab/history/', 'proto/'],
    testsMay: ['lab/drivers/docker/', 'lab/drivers/kubernetes/'],
  },
  {
    path: 'lab/machine/',
    is: 'what a machine has and does, read from its kernel and disks: limits, processes, share folders; the form of a check of it',
    may: ['lab/limit.ts', 'proto/'],
  },
  {
    path: 'lab/doctor/',
    is: 'what a scenario needs, which driver can carry it, whether it fits this machine: pure checks over facts',
    may: [
      'lab/drivers/*',
      'lab/drivers/table.ts',
      'lab/history/events.ts',
      'lab/language/',
      'lab/machine/',
      'lab/scenario/',
      'lab/steps/',
      'proto/',
    ],
    testsMay: ['lab/drivers/agent/', 'lab/drivers/docker/', 'lab/drivers/process/'],
  },
  {
    path: 'lab/run/',
    is: 'plays a plan: `conductor.ts` leads, `roster.ts` has who takes part, `disturbances.ts` does the faults, `recorder.ts` alone writes the history',
    may: [
      'lab/checks/',
      'lab/drivers/driver.ts',
      'lab/faults/',
      'lab/history/',
      'lab/instance-http.ts',
      'lab/language/',
      'lab/limit.ts',
      'lab/machine/description.ts',
      'lab/machine/pressure.ts',
      'lab/metrics/',
      'lab/scenario/',
      'lab/steps/',
      'proto/',
    ],
  },
  {
    path: 'lab/grade/',
    is:
      'grades for a class: `rubric.ts` says what brings points, `points.ts` what a submission gets (pure), `enclosure.ts` and its ' +
      'two scripts keep a submission apart from all else, `inside.ts` is what runs there',
    may: [
      'lab/checks/',
      'lab/conformance/',
      'lab/drivers/*',
      'lab/history/',
      'lab/limit.ts',
      'lab/machine/',
      'lab/scenario/',
      'lab/stop.ts',
      'proto/',
    ],
  },
  {
    path: 'lab/new-peer/',
    is: 'the beginning of a peer of your own, laid down from `examples/starters/`',
    may: ['proto/'],
  },
  {
    path: 'lab/simulate/',
    is:
      'a crowd that no machine holds, simulated: events on an `agenda.ts`, links as fluids, peers that decide by the very code of the real ' +
      "ones. So it alone in the lab may import of the services: choosers and the directory's ranking, which are pure, and nothing else",
    may: [
      'images/directory/ranking.ts',
      'images/directory/swarms.ts',
      'images/peer/choosers/',
      'lab/checks/',
      'lab/language/',
      'lab/report/format.ts',
      'lab/scenario/',
      'lab/steps/step.ts',
      'proto/',
    ],
  },
  {
    path: 'lab/watchdog/',
    is: "what ends a run when the lab can't: a process beside each run, the record of runs, `gc`",
    may: ['lab/drivers/*', 'lab/drivers/table.ts', 'lab/drivers/images/staging.ts', 'lab/history/', 'proto/'],
    testsMay: ['lab/end-to-end.ts'],
  },
  {
    path: 'lab/history/',
    is: 'the stream of events of a run (`run-event.ts`), to which listeners subscribe; the files of a results folder, their shapes, reading and writing',
    may: ['proto/'],
  },
  {
    path: 'lab/metrics/',
    is: 'the scraper and the Prometheus text format',
    may: ['lab/drivers/driver.ts', 'lab/instance-http.ts', 'lab/limit.ts', 'proto/'],
  },
  {
    path: 'lab/checks/',
    is: 'figures, built-in checks, expectations, verdict: pure functions of the history; the shape of the result (`result-schema.ts`)',
    may: ['lab/history/', 'lab/language/suggestion.ts', 'lab/metrics/prometheus-text.ts', 'proto/'],
  },
  {
    path: 'lab/report/',
    is: 'terminal, JUnit, Markdown: they render a result',
    may: ['lab/checks/', 'lab/history/', 'page/model/throughput.ts', 'proto/'],
  },
  {
    path: 'lab/page/',
    is: 'report.html of runs and suites: chooses what of a run a page can hold (`run-data.ts`), and puts it into the built page (`write-page.ts`)',
    may: [
      'lab/checks/',
      'lab/drivers/build-page.ts',
      'lab/history/',
      'lab/report/format.ts',
      'page/model/',
      'page/report/data.ts',
      'proto/',
    ],
    testsMay: ['dev/browser.ts', 'lab/end-to-end.ts', 'lab/report/write-report.ts'],
  },
  {
    path: 'lab/serve/',
    is:
      'the live page of running and past runs, for browsers: `server.ts` answers, `gate.ts` says who may ask, `results.ts` is the only way to ' +
      'files, `visit.ts` tells one visitor of one run; `beside-run.ts` starts it with a run (`main.ts`)',
    may: [
      'lab/checks/',
      'lab/drivers/build-page.ts',
      'lab/drivers/deadline.ts',
      'lab/history/',
      'lab/report/format.ts',
      'lab/watchdog/',
      'page/live/listing.ts',
      'proto/',
    ],
    testsMay: ['dev/browser.ts', 'lab/end-to-end.ts', 'lab/page/testing/'],
  },
  {
    path: 'page/',
    is:
      '**What people look at**, for browsers: `model/` is a fold over the events of a run, `parts/` and `charts/` draw it, `report/` is the ' +
      'page of report.html, `live/` that of `bin/lab serve`; of the lab it knows types only',
    may: ['lab/checks/result-schema.ts', 'lab/history/events.ts', 'lab/history/run-event.ts', 'proto/printable.ts'],
    testsMay: ['dev/rooms/imports.ts'],
  },
  {
    path: 'lab/suite/',
    is: 'lists of scenarios, run one after another',
    may: [
      ...['lab/checks/', 'lab/history/', 'lab/language/', 'lab/limit.ts', 'lab/page/', 'lab/play.ts'],
      ...['lab/report/', 'lab/scenario/', 'proto/'],
    ],
  },
  {
    path: 'lab/conformance/',
    is:
      '`rules.ts` is the peer contract as a list of rules, `checks/` has one check for each; `stage.ts` is what they play on (a directory, the ' +
      'prober, the peer), `finding.ts` how they end, `perform.ts` one check of a peer as a user sees it, `chapters.ts` in which order a course ' +
      'asks for the rules',
    may: [
      'lab/doctor/',
      'lab/doubles/',
      'lab/drivers/*',
      'lab/history/',
      'lab/instance-http.ts',
      'lab/metrics/',
      'lab/page/',
      'lab/report/',
      'lab/stop.ts',
      'lab/watchdog/',
      'proto/',
    ],
    testsMay: ['lab/checks/likely-rules.ts', 'lab/drivers/process/', 'lab/end-to-end.ts'],
  },
  {
    path: 'lab/doubles/',
    is: "peers that misbehave, as small programs that speak the wire: a scenario can put one in a peer's place",
    may: ['proto/'],
    testsMay: ['lab/doctor/needs.ts', 'lab/drivers/process/', 'lab/end-to-end.ts', 'lab/scenario/'],
  },
  {
    path: 'lab/cluster/',
    is: 'what a classroom needs beside kubectl: images into a cluster, teams; `bin/k8s`',
    may: ['lab/drivers/table.ts', 'proto/'],
  },
  {
    path: 'lab/status/',
    is: 'the page of a network that stands (k8s/): `main.ts` serves it, with the live page of its runs; `page-post.ts` is how a lab tells it of its run, `copy-post.ts` how it shows it the files of the run, of which `copies.ts` keeps copies',
    may: ['lab/history/', 'lab/instance-http.ts', 'lab/limit.ts', 'lab/metrics/', 'lab/serve/', 'proto/'],
    testsMay: ['dev/browser.ts', 'lab/end-to-end.ts'],
  },
  { path: 'scenarios/', is: 'one YAML file per question', may: [] },
  { path: 'k8s/', is: 'the manifests of a classroom on Kubernetes, and nothing else', may: [] },
  { path: 'suites/', is: 'lists of scenarios for CI', may: [] },
  {
    path: 'examples/',
    is:
      'what others may copy: `peers/` has whole peers in three languages, `starters/` what `lab new-peer` lays down; they share the wire ' +
      'with PeerLab, and no code',
    may: [],
  },
  {
    path: 'bench/',
    is:
      "benchmarks, one file each, each beside its reference; `kit/` is what they share, `reference/` what the directory's " +
      'are held against; what is measured is also used from `dist`',
    may: [
      'dev/browser.ts',
      'lab/checks/',
      'lab/drivers/*',
      'lab/drivers/docker/',
      'lab/drivers/kubernetes/',
      'lab/drivers/process/',
      'lab/history/',
      'lab/limit.ts',
      'lab/machine/',
      'lab/report/',
      'lab/run/',
      'lab/scenario/',
      'lab/simulate/',
      'proto/',
    ],
  },
  {
    path: 'dev/',
    is: 'what keeps the project in order: generated files, this table, the test command, mutants',
    may: [
      'lab/checks/',
      'lab/conformance/rules.ts',
      'lab/drivers/table.ts',
      'lab/grade/enclosure.ts',
      'lab/history/',
      'lab/limit.ts',
      'lab/machine/postgres.ts',
      'lab/scenario/',
      'lab/serve/',
      'lab/steps/',
      'lab/suite/',
      'proto/',
    ],
  },
  {
    path: 'bin/',
    is: 'the commands: the lab, the services from source, the set-up that each of them begins with',
    may: [],
  },
  { path: 'docs/', is: 'for users: guides, and references that `make generate` writes', may: [] },
  { path: '.ci/', is: '`run`: everything that must hold, from a clean clone', may: [] },
  { path: '*', is: 'settings of the tools', may: [] },
];
