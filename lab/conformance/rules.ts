/**
 * THE RULES OF THE PEER CONTRACT, one each: docs/peer-contract.md lists them, and `lab conformance` has a check for each
 * (checks/table.ts does not compile without one). `must`: a peer without it can't take part. `should`: it gives better figures,
 * or lets the peer work with more kinds of other peers; a peer may leave it out.
 */
export interface Rule {
  readonly level: 'must' | 'should';
  /** The heading in docs/peer-contract.md that explains it. */
  readonly section: Section;
  /** What a peer that keeps it does, as a sentence. */
  readonly is: string;
  /** Where people who break it usually go wrong. */
  readonly hint: string;
}

export const SECTIONS = [
  '1. Environment',
  'DownloadFile (**must**)',
  'FileTree',
  'WatchPieces',
  'DownloadFiles',
  'UploadFile',
  'Tickets',
  'Errors',
  '3. Control port',
  'Metrics and logs',
  '4. Directory',
] as const;
export type Section = (typeof SECTIONS)[number];

/** Parts of the contract, in the order in which they are checked. */
export const GROUPS = [
  'settings',
  'control',
  'download',
  'fetch',
  'names',
  'hashes',
  'ranges',
  'trees',
  'swarm',
  'batches',
  'upload',
  'tickets',
  'directory',
  'metrics',
  'load',
  'attack',
  'end',
] as const;
export type Group = (typeof GROUPS)[number];

const must = (section: Section, is: string, hint: string): Rule => ({ level: 'must', section, is, hint });
const should = (section: Section, is: string, hint: string): Rule => ({ level: 'should', section, is, hint });

export const RULES = {
  'settings.place': must(
    '1. Environment',
    'It serves gRPC at `PEER_HOST:PEER_PORT`.',
    'Listen at the host and the port from the environment, without TLS.',
  ),
  'settings.unknown': must(
    '1. Environment',
    'It ignores variables that it does not know.',
    'Read the variables that you need, and do not refuse others that begin with PEER_.',
  ),

  'control.health': must(
    '3. Control port',
    '`GET /healthz` answers 200 at `PEER_CONTROL_PORT`, without a token.',
    'Start the HTTP server first, at PEER_HOST and PEER_CONTROL_PORT.',
  ),
  'control.token': must(
    '3. Control port',
    '`/control/…` answers 401 without the token, and with a wrong one.',
    'Compare the header `Authorization` with `Bearer ` and PEER_CONTROL_TOKEN.',
  ),
  'control.connections': must(
    '3. Control port',
    'It answers while another connection is kept open without a request.',
    'A server that serves one connection at a time hangs: in Python, take ThreadingHTTPServer instead of HTTPServer.',
  ),
  'control.unknown': should(
    '3. Control port',
    'A verb that it does not have is answered with 404, 405 or 501.',
    'Answer 404 for each path that you do not know: the lab then says `not-supported`, and not that your peer is broken.',
  ),
  'control.login': must(
    '3. Control port',
    '`login` logs in at the directory and answers `{leaseSeconds}`.',
    'POST /login of the directory with user, password, ip, port and files; answer when it has answered.',
  ),
  'control.index': should(
    '3. Control port',
    '`index` answers what the directory lists, with all pages.',
    'Ask again with `cursor` as long as the directory answers with `next`. A run passes only if some peer has `index`.',
  ),
  'control.search': should(
    '3. Control port',
    '`search` answers who has a file, by name and by SHA-256.',
    'GET /search of the directory with `name` or `sha256`, and give its answer on.',
  ),
  'control.loadfiles': should(
    '3. Control port',
    '`loadfiles` looks at the share again, publishes it, and answers the number of files.',
    'Files in `.peerlab/` do not count.',
  ),
  'control.forms': must(
    '3. Control port',
    'A refusal has another status than 200, and the body `{"error": {"code", "message"}}`.',
    'Never answer 200 when the work was not done.',
  ),

  'download.whole': must(
    'DownloadFile (**must**)',
    'It sends exactly the bytes of a file, and ends with status OK.',
    'Open files in binary mode, and send all chunks before you end the stream. A message has at most 4 MiB: send small pieces.',
  ),
  'download.empty': must(
    'DownloadFile (**must**)',
    'An empty file is one chunk without content, and status OK.',
    'A loop over chunks sends nothing for an empty file: send one chunk before or after it.',
  ),
  'download.absent': must(
    'DownloadFile (**must**)',
    'A file that it does not have ends in an error status, and no byte is sent.',
    'Use NOT_FOUND. An empty stream with status OK is an empty file.',
  ),
  'download.offsets': should(
    'DownloadFile (**must**)',
    'Every chunk carries its `offset`.',
    'The field is optional in the proto file: set it also when it is 0.',
  ),
  'download.announces': should(
    'DownloadFile (**must**)',
    'The first chunk carries `size` and `sha256` of the whole file.',
    'Hash each file once, when the share is scanned, and keep the hash.',
  ),
  'download.left': must(
    'DownloadFile (**must**)',
    'A caller that leaves early does not harm it: the next call is served.',
    'A cancelled call must not end the program, nor keep its file or thread forever.',
  ),

  'fetch.whole': must(
    '3. Control port',
    'A download stores exactly the bytes of the source under the name that was asked for.',
    'Write in binary mode, into `.peerlab/`, and rename when all is there and the hash is right.',
  ),
  'fetch.empty': must('3. Control port', 'An empty file is stored too.', 'Create the file also when no content came.'),
  'fetch.answer': must(
    '3. Control port',
    'The answer tells name, size, SHA-256, bytes and sources, and the bytes of the sources add up to `bytes`.',
    '`bytes` is what crossed the wire. Name each source as ip:port, as the directory does.',
  ),
  'fetch.absent': must(
    '3. Control port',
    'A download of a file that nobody has fails, and leaves nothing in the share.',
    'Create the file under its name only when its content is there.',
  ),
  'fetch.from': should(
    '3. Control port',
    '`from` names the only source that is asked.',
    'The directory still tells size and SHA-256. In Python, `from` is a keyword: take the request as one dict.',
  ),
  'fetch.unfinished': must(
    '3. Control port',
    'While a download runs, no part of it lies in the share outside of `.peerlab/`.',
    'Whoever reads the share would take half a file for a whole one: write into `.peerlab/`, and give it its name, with link(), when it is whole.',
  ),
  'fetch.keeps': must(
    '3. Control port',
    'A file that is in the share is never replaced by another content.',
    'Look whether the name is taken, before and when you rename: link() fails where rename() replaces.',
  ),
  'fetch.again': should(
    '3. Control port',
    'A download of what it has already succeeds with `bytes` 0.',
    'Compare with the SHA-256 that the directory names, before you ask anybody.',
  ),

  'names.odd': must(
    'DownloadFile (**must**)',
    'Names with spaces, dashes, dots, percent signs and any Unicode are served as they are.',
    'Do not decode, normalise or split names. A name is UTF-8, and one path segment.',
  ),
  'names.fetched': must(
    '3. Control port',
    'Names with spaces, dashes, dots, percent signs and any Unicode are fetched and stored as they are.',
    'Encode the name when you put it into a URL of the directory, and nowhere else.',
  ),
  'names.outside': must(
    'DownloadFile (**must**)',
    'It serves nothing outside of its share: no absolute path, no `..`, no path with a separator.',
    'Refuse a name that has a slash or a backslash, that is `.` or `..`, or that is empty, before you touch the disk.',
  ),

  'hashes.content': should(
    'DownloadFile (**must**)',
    'A request with `sha256` gets exactly that content, whatever `filename` says.',
    'Keep a map from hash to file, and look there first.',
  ),
  'hashes.other': should(
    'DownloadFile (**must**)',
    'A request with a `sha256` that it does not have fails, also when it has the name.',
    'The hash wins over the name.',
  ),

  'ranges.middle': should(
    'DownloadFile (**must**)',
    '`offset` and `length` name the bytes that are sent; the first chunk still tells the size of the whole file.',
    'Positions at the borders of chunks are where ranges go wrong by one.',
  ),
  'ranges.rest': should(
    'DownloadFile (**must**)',
    '`length` 0 means: up to the end.',
    'proto3 can not tell 0 from absent, so 0 is the default.',
  ),
  'ranges.outside': should(
    'DownloadFile (**must**)',
    'A range outside of the file fails.',
    'Use OUT_OF_RANGE with the code bad-range. Do not cut the range to what is there.',
  ),

  'trees.right': should(
    'FileTree',
    'The tree has the right size, SHA-256, root and layer, also of an empty file.',
    'proto/hash-tree.test.ts has roots to compare with. The last piece is padded with zero leaves, not with zero bytes.',
  ),
  'trees.absent': should('FileTree', 'The tree of a file that it does not have fails.', 'Use NOT_FOUND.'),

  'swarm.map': should(
    'WatchPieces',
    'Of a file that it has, the first news says that all of it is there.',
    'Say `whole`, or send a map with a bit for each piece, the first piece in the highest bit of the first byte.',
  ),
  'swarm.absent': should(
    'WatchPieces',
    'It fails for content that it has nothing of, and for content whose hash tree has another root.',
    'Use NOT_FOUND with the code file-not-found.',
  ),

  'batches.right': should(
    'DownloadFiles',
    'Each file that was asked for is answered once, in order, with its content or with the code of an error.',
    'What is not there must not end the whole call.',
  ),

  'upload.stored': should(
    'UploadFile',
    'An upload with the right size and hash is stored, and the answer is `success`.',
    'The first message may carry content already.',
  ),
  'upload.refused': should(
    'UploadFile',
    'An upload with a wrong hash, too few or too many bytes is answered without success, and nothing is stored.',
    'Store under the name only after size and hash were compared.',
  ),
  'upload.keeps': should(
    'UploadFile',
    'An upload never replaces a file.',
    'The answer is success when the content is the same, otherwise not, with the code file-exists.',
  ),
  'upload.names': should(
    'UploadFile',
    'An upload with a path as its name stores nothing anywhere.',
    'Check the name as for downloads, before you open a file.',
  ),
  'upload.bare': should(
    'UploadFile',
    'A bare filename moves no bytes: the answer is no success, and nothing is created.',
    'Peers of the predecessor send nothing else.',
  ),
  'upload.offers': should(
    'UploadFile',
    'An offer is fetched whole before the answer is `success`; otherwise it is declined, and nothing is stored.',
    'A receiver that knows nothing of offers sees a message without content, and answers that nothing was stored.',
  ),
  'upload.sends': should(
    'UploadFile',
    '`upload` sends a file to another peer, after an offer was declined too.',
    'The first message carries filename, size and sha256. A declined offer is an answer, not an error.',
  ),

  'tickets.shown': should(
    'Tickets',
    'It shows its ticket with each call to another peer.',
    'Metadata `authorization: Bearer <ticket>`, with the newest ticket that the directory gave.',
  ),
  'tickets.good': should(
    'Tickets',
    'Where it is not open, a caller with a good ticket is served.',
    'The key is the `ticketKey` of the login. Compare the IP in `addr`, not the port.',
  ),
  'tickets.none': should(
    'Tickets',
    'Where it is not open, a caller without a ticket, or with a forged one, is refused.',
    'Use UNAUTHENTICATED with the code ticket-refused, before anything is sent. Verify the signature.',
  ),

  'directory.lists': must(
    '4. Directory',
    'After the login, the directory lists its address and each file of its share, with size and SHA-256.',
    'Hash the files before you log in. The address is PEER_ADVERTISE.',
  ),
  'directory.publishes': must(
    '4. Directory',
    'What it received is listed at the directory in time.',
    'PUT /loadfiles with the whole list, before the download is answered.',
  ),
  'directory.lease': must(
    '4. Directory',
    'It renews its lease: it is still listed after more than two leases.',
    'POST /heartbeat every third of `leaseSeconds`, from the moment of the login.',
  ),
  'directory.logout': should(
    '4. Directory',
    '`logout` ends the registration: the directory lists it no longer.',
    'POST /logout of the directory, and stop the heartbeats: a heartbeat that finds no login must not log in again.',
  ),

  'metrics.text': should(
    'Metrics and logs',
    '`GET /metrics` answers Prometheus text in time, without a token.',
    'Every line is a comment, or a name, labels and a number.',
  ),
  'metrics.bytes': should(
    'Metrics and logs',
    '`peerlab_transfer_bytes_total` counts the content that was sent and received, by `direction`.',
    'Count where content is written to the wire, and where it comes from it. A run passes only with this metric.',
  ),
  'metrics.zero': should(
    'Metrics and logs',
    'The counters are there before anything moved, with the value 0.',
    'Initialise both directions at the start: a series that is not there is unknown, never 0.',
  ),

  'load.many': must(
    '3. Control port',
    'It does many downloads at one time, and all are right.',
    'One global variable for "the file that is being written" is enough to break this.',
  ),
  'load.callers': must(
    'DownloadFile (**must**)',
    'It serves several callers at one time, and each gets the right bytes.',
    'A shared file handle with one position is enough to break this; so is a server with a single worker.',
  ),

  'attack.bytes': must(
    '3. Control port',
    'A source that sends other bytes than the directory announced is found out: the download fails, and nothing is stored.',
    'Compare the SHA-256 of what came with that of the search, before the file gets its name.',
  ),
  'attack.short': must(
    '3. Control port',
    'A source that sends too little with status OK is found out.',
    'Compare the size, or the hash. Status OK proves nothing.',
  ),
  'attack.long': must(
    '3. Control port',
    'A source that sends more than the file has is left: the download does not store it.',
    'Stop as soon as more bytes come than the size says.',
  ),
  'attack.endless': must(
    '3. Control port',
    'A source that sends without end is left, and does not fill the disk.',
    'Stop as soon as more bytes come than the size says.',
  ),

  'end.sigterm': must(
    '1. Environment',
    'After SIGTERM it ends by itself in time, with exit code 0.',
    'Handle SIGTERM, and end with exit code 0. Process 1 of a container ignores it without a handler; a shell in between keeps it.',
  ),
  'end.logout': must(
    '1. Environment',
    'It logs out before it ends: the directory lists it no longer.',
    'Log out in the handler of SIGTERM, and wait for the answer before you exit.',
  ),
} as const satisfies Readonly<Record<`${Group}.${string}`, Rule>>;

export type RuleId = keyof typeof RULES;

export const RULE_IDS = Object.keys(RULES) as RuleId[];

export function groupOf(id: RuleId): Group {
  return id.slice(0, id.indexOf('.')) as Group;
}
