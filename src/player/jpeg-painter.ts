// Draws JPEG on a canvas. ImageDecoder was the fastest of those measured (against createImageBitmap
// into a 2D or a bitmaprenderer context): it decodes off the page's thread into a form that
// the canvas takes without a copy. It exists only in secure contexts; elsewhere createImageBitmap does it.
import type { PicturePainter } from './pictures.ts';

/** Painter of JPEG. */
export function openPainter(canvas: HTMLCanvasElement): PicturePainter {
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) throw new Error('this browser gives no canvas');
  const draw = (picture: ImageBitmap | VideoFrame, width: number, height: number, wanted: boolean) => {
    if (!wanted) {
      picture.close();
      return false;
    }
    // Setting the size clears the canvas, so only where it changed.
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    context.drawImage(picture, 0, 0, width, height);
    picture.close();
    return true;
  };
  if ('ImageDecoder' in globalThis) {
    return {
      name: 'ImageDecoder',
      async paint(_header, jpeg, wanted) {
        const decoder = new ImageDecoder({ data: jpeg, type: 'image/jpeg' });
        try {
          const { image } = await decoder.decode();
          return draw(image, image.displayWidth, image.displayHeight, wanted());
        } finally {
          decoder.close();
        }
      },
    };
  }
  return {
    name: 'createImageBitmap',
    async paint(_header, jpeg, wanted) {
      const bitmap = await createImageBitmap(new Blob([jpeg], { type: 'image/jpeg' }));
      return draw(bitmap, bitmap.width, bitmap.height, wanted());
    },
  };
}
