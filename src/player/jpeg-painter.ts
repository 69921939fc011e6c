// Draws JPEG on a canvas. ImageDecoder was the fastest of those measured (against createImageBitmap
// into a 2D or a bitmaprenderer context): it decodes off the page's thread into a form that
// the canvas takes without a copy. It exists only in secure contexts; elsewhere createImageBitmap does it.

/** Draws pictures on one canvas, one at a time. */
export interface Painter {
  /** For people. */
  readonly name: string;
  /** Resolves when the picture is on the canvas; rejects if it cannot be decoded. */
  paint(jpeg: Uint8Array<ArrayBuffer>): Promise<void>;
}

export function openPainter(canvas: HTMLCanvasElement): Painter {
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) throw new Error('this browser gives no canvas');
  const draw = (picture: ImageBitmap | VideoFrame, width: number, height: number) => {
    // Setting the size clears the canvas, so only where it changed.
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    context.drawImage(picture, 0, 0, width, height);
    picture.close();
  };
  if ('ImageDecoder' in globalThis) {
    return {
      name: 'ImageDecoder',
      async paint(jpeg) {
        const decoder = new ImageDecoder({ data: jpeg, type: 'image/jpeg' });
        try {
          const { image } = await decoder.decode();
          draw(image, image.displayWidth, image.displayHeight);
        } finally {
          decoder.close();
        }
      },
    };
  }
  return {
    name: 'createImageBitmap',
    async paint(jpeg) {
      const bitmap = await createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' }));
      draw(bitmap, bitmap.width, bitmap.height);
    },
  };
}
