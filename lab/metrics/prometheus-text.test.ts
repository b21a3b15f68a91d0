import { expect, test } from 'vitest';
import { having, parsePrometheusLine, parsePrometheusText, sumOf, whyUnreadable } from './prometheus-text.ts';

const TEXT = `# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3
msdos_file_access_time_seconds{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf -3982045
http_request_duration_seconds_bucket{le="+Inf"} 144320
this is no series
broken{a="b" 3
`;

test('reads the example of the format itself, every label and every series', () => {
  const { samples, declared, unreadable } = parsePrometheusText(TEXT);
  expect(samples).toHaveLength(6);
  expect(samples[2]).toEqual({
    name: 'msdos_file_access_time_seconds',
    labels: { path: 'C:\\DIR\\FILE.TXT', error: 'Cannot find file:\n"FILE.TXT"' },
    value: 1.458255915e9,
  });
  expect(samples[4]?.value).toBe(Number.POSITIVE_INFINITY);
  expect([...declared]).toEqual(['http_requests_total']);
  expect([...unreadable]).toEqual([
    [9, 'this is no series'],
    [10, 'broken{a="b" 3'],
  ]);
});

test('sums the series that carry the labels; what has not happened is zero, what is not there is unknown', () => {
  const scrape = parsePrometheusText(`${TEXT}# TYPE errors counter\n# TYPE wait_seconds histogram\n`);
  expect(sumOf(scrape, 'http_requests_total')).toBe(1030);
  expect(sumOf(scrape, 'http_requests_total', having({ code: '400' }))).toBe(3);
  expect(sumOf(scrape, 'http_requests_total', having({ code: '500' }))).toBe(0);
  expect(sumOf(parsePrometheusText('a 1\na{b="c"} constructor\n'), 'a')).toBe(Number.NaN);
  expect(sumOf(scrape, 'errors_total')).toBe(0);
  expect(sumOf(scrape, 'wait_seconds_count')).toBe(0);
  expect(sumOf(scrape, 'errors_by_code')).toBeUndefined();
  expect(sumOf(parsePrometheusText(''), 'http_requests_total')).toBeUndefined();
});

test('reads what other libraries write: space around, a brace in a label, times and examples of OpenMetrics', () => {
  const labels = { path: '/{id}', of: '' };
  expect(parsePrometheusLine('  a {path="/{id}", of="",} 1\r')).toEqual({ sample: { name: 'a', labels, value: 1 } });
  expect(parsePrometheusLine('a{b="c"}2 1395066363.5')).toMatchObject({ sample: { value: 2 } });
  expect(parsePrometheusLine('a_bucket{le="1"} 3 1.5e9 # {trace_id="x"} 0.6')).toMatchObject({ sample: { value: 3 } });
  for (const nothing of ['', ' \r', '# EOF', '#']) expect(parsePrometheusLine(nothing)).toBeUndefined();
});

const GARBLED = [
  'a_total',
  'a_total{of="x" 5',
  'a_total{of="x"',
  'a_total{of=x} 5',
  'a_total{of="x"of="y"} 5',
  'a_total{of="x",%} 5',
  'a_total{of="x"} 5 soon',
  '?a_total 5',
];

test.each(GARBLED)('%s can not be read: no sum over the metric is known, and another one is', (line) => {
  const scrape = parsePrometheusText(`# TYPE a counter\n${line}\na_total{of="z"} 1\nb_total 2\n`);
  expect(sumOf(scrape, 'a_total')).toBeNaN();
  expect(sumOf(scrape, 'a_total', having({ of: 'z' }))).toBeNaN();
  expect(whyUnreadable(scrape, 'a_total', 's-1')).toBe(
    `line 2 of the metrics of s-1 can't be read, and may be about a_total: ${line}`,
  );
  expect(sumOf(scrape, 'b_total')).toBe(2);
  expect(whyUnreadable(scrape, 'b_total', 's-1')).toBeUndefined();
});
