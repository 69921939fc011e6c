// The process behind probe.ts: loads the native parts one by one and prints what they say as JSON.
const reason = (error: unknown) => ({ error: error instanceof Error ? error.message.split('\n')[0]! : String(error) });

async function main(): Promise<void> {
  const ffmpeg = await import('../native/ffmpeg-info.ts').then(({ ffmpegInfo }) => ffmpegInfo()).catch(reason);
  const jpeg = await import('../native/jpeg.ts')
    .then(({ encodeJpegSync }) => {
      encodeJpegSync({ format: 'gray', width: 16, height: 16, data: new Uint8Array(256) }, 80);
      return { ok: true as const };
    })
    .catch(reason);
  const cameras =
    'error' in ffmpeg ? [] : await import('../native/ffmpeg-input.ts').then(({ listCameras }) => listCameras()).catch(() => []);
  process.stdout.write(JSON.stringify({ ffmpeg, jpeg, cameras }), () => process.exit(0));
}

await main();
