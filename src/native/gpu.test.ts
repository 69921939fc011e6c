import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { gpuInfo, gpuStats, parseGpus } from './gpu.ts';

it('reads the rows of the driver, and what a processor does not tell as 0', () => {
  const text = [
    '0, GPU-1a2b, NVIDIA GeForce RTX 3080, 10240, 8192, 8.6, 75, 60',
    '1, GPU-3c4d, NVIDIA A100, 40960, [N/A], 8.0, [N/A], 3',
    'NVIDIA-SMI has failed because it could not talk to the driver',
    '',
  ].join('\n');
  expect(parseGpus(text)).toEqual([
    {
      index: '0',
      id: 'GPU-1a2b',
      name: 'NVIDIA GeForce RTX 3080',
      memory_total: 10_737_418_240,
      memory_free: 8_589_934_592,
      major: 8,
      minor: 6,
      utilization_compute: 75,
      utilization_memory: 60,
    },
    expect.objectContaining({ index: '1', memory_free: 0, major: 8, minor: 0, utilization_compute: 0, utilization_memory: 3 }),
  ]);
});

it.skipIf(process.platform === 'win32')('asks the tool of the driver', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-gpu-'));
  await writeFile(join(folder, 'nvidia-smi'), '#!/bin/sh\necho "0, GPU-1, Some GPU, 2, 1, 7.5, 10, 20"\n', { mode: 0o755 });
  const { PATH } = process.env;
  try {
    process.env.PATH = `${folder}:${PATH}`;
    const gpu = { id: 'GPU-1', name: 'Some GPU', memory_total: 2_097_152, memory_free: 1_048_576 };
    expect(await gpuInfo()).toEqual({ '0': { ...gpu, major: 7, minor: 5 } });
    expect(await gpuStats()).toEqual({ '0': { ...gpu, utilization_compute: 10, utilization_memory: 20 } });
  } finally {
    process.env.PATH = PATH;
    await rm(folder, { recursive: true });
  }
});
