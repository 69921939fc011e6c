// Sound of a <video>: on, off, how loud. Browsers stop a video that begins to sound without a click of the viewer.

/**
 * @param refused told when the browser wants a click first: it plays on without sound
 */
export function applySound(video: HTMLMediaElement, muted: boolean, volume: number, refused: () => void): void {
  const played = !video.paused;
  video.muted = muted;
  video.volume = volume;
  if (muted || !played || !video.paused) return;
  video.play().catch((error: unknown) => {
    if (!(error instanceof DOMException) || error.name !== 'NotAllowedError') return;
    video.muted = true;
    void video.play().catch(() => {});
    refused();
  });
}
