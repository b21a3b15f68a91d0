import { expect, test } from 'vitest';
import { having, parsePrometheusText, sumOf } from './prometheus-text.ts';

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
  const { samples, declared } = parsePrometheusText(TEXT);
  expect(samples).toHaveLength(6);
  expect(samples[2]).toEqual({
    name: 'msdos_file_access_time_seconds',
    labels: { path: 'C:\\DIR\\FILE.TXT', error: 'Cannot find file:\n"FILE.TXT"' },
    value: 1.458255915e9,
  });
  expect(samples[4]?.value).toBe(Number.POSITIVE_INFINITY);
  expect([...declared]).toEqual(['http_requests_total']);
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
