// Figures in the Prometheus text format 0.0.4.
import type { StreamService } from './stream-service.ts';

const escapeLabel = (value: string) => value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));

function line(name: string, labels: Record<string, string>, value: number): string {
  const text = Object.entries(labels)
    .map(([key, label]) => `${key}="${escapeLabel(label)}"`)
    .join(',');
  return `${name}{${text}} ${value}`;
}

export function prometheus(streams: StreamService): string {
  const frames: string[] = [];
  const viewers: string[] = [];
  const bytes: string[] = [];
  const fps: string[] = [];
  const latency: string[] = [];
  const disk: string[] = [];
  const samples: string[] = [];
  for (const stream of streams.registry.all()) {
    const stats = streams.stats(stream);
    const name = stream.name;
    const frame = (stage: string, fate: string, count: number) =>
      frames.push(line('sluice_frames_total', { stream: name, stage, fate }, count));
    frame('source', 'captured', stats.ledger.captured);
    frame('source', 'published', stats.ledger.published);
    for (const [reason, count] of Object.entries(stats.ledger.refused)) frame('source', `refused-${reason}`, count);
    for (const [stage, count] of Object.entries(stats.ledger.dropped)) frame(stage, 'dropped', count);
    for (const rendition of stats.renditions) {
      frame(rendition.key, 'encoded', rendition.encoded);
      frame(rendition.key, 'repeated', rendition.repeats);
      frame(rendition.key, 'failed', rendition.failed);
      for (const [policy, count] of Object.entries(rendition.dropped)) frame(rendition.key, `dropped-${policy}`, count);
    }
    for (const processor of stats.processors) {
      const stage = `processor:${processor.id}`;
      frame(stage, 'processed', processor.processed);
      frame(stage, 'failed', processor.failed);
      for (const [policy, count] of Object.entries(processor.dropped)) frame(stage, `dropped-${policy}`, count);
    }
    for (const [output, counters] of Object.entries(stats.outputs)) {
      viewers.push(line('sluice_viewers', { stream: name, output }, counters.viewers));
      bytes.push(line('sluice_sent_bytes_total', { stream: name, output }, counters.bytes));
      frame(output, 'sent', counters.sent);
      for (const [policy, count] of Object.entries(counters.skipped)) frame(output, `skipped-${policy}`, count);
    }
    for (const [output, meter] of streams.metersOf(name)) {
      const { buckets, sum, count } = meter.shownHistogram;
      for (const [le, value] of buckets) latency.push(line('sluice_glass_to_glass_seconds_bucket', { stream: name, output, le }, value));
      latency.push(line('sluice_glass_to_glass_seconds_sum', { stream: name, output }, sum));
      latency.push(line('sluice_glass_to_glass_seconds_count', { stream: name, output }, count));
    }
    fps.push(line('sluice_capture_fps', { stream: name }, stats.fps));
    for (const [fate, count] of Object.entries(stats.metrics ?? {})) {
      samples.push(line('sluice_metric_samples_total', { stream: name, fate }, count));
    }
    disk.push(line('sluice_dvr_bytes', { stream: name }, stats.dvr.bytes));
  }
  const block = (name: string, type: string, help: string, lines: string[]) => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${type}`,
    ...lines,
  ];
  return `${[
    ...block('sluice_frames_total', 'counter', 'Frames by stage and fate.', frames),
    ...block('sluice_viewers', 'gauge', 'Viewers now.', viewers),
    ...block('sluice_sent_bytes_total', 'counter', 'Bytes sent to viewers.', bytes),
    ...block('sluice_glass_to_glass_seconds', 'histogram', 'Capture to screen, as pages report it.', latency),
    ...block('sluice_capture_fps', 'gauge', 'Captured frames per second.', fps),
    ...block('sluice_metric_samples_total', 'counter', 'Samples of metrics that programs have sent, by fate.', samples),
    ...block('sluice_dvr_bytes', 'gauge', 'Bytes of recordings on disk.', disk),
    ...block('process_resident_memory_bytes', 'gauge', 'Resident memory.', [`process_resident_memory_bytes ${process.memoryUsage.rss()}`]),
    ...block('process_cpu_seconds_total', 'counter', 'CPU time.', [
      `process_cpu_seconds_total ${(process.cpuUsage().user + process.cpuUsage().system) / 1e6}`,
    ]),
  ].join('\n')}\n`;
}
