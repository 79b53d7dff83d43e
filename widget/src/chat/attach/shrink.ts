/** Pictures made smaller before they are sent: a phone's photograph has ten times the bytes that anybody needs to see. */

const LONGEST_SIDE = 1600; // pixels: the text of a screenshot stays sharp
const LIGHT = 400_000; // bytes; what is lighter and small enough goes as it is
const QUALITY = 0.85;

/** The picture as WebP (JPEG where the browser writes none), or the file itself where that is no gain or no picture. */
export async function shrink(file: File): Promise<File> {
  if (!/^image\/(png|jpeg|webp)$/.test(file.type)) return file; // a GIF may move: the server decides
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    return file; // the server says what is wrong with it
  }
  const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  if (scale === 1 && file.size <= LIGHT) return file;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const pen = canvas.getContext("2d");
  if (!pen) return file;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  const drawn = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/webp", QUALITY)); // PNG where WebP is unknown
  const small = drawn?.type === "image/webp" ? drawn : await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  if (!small || (scale === 1 && small.size >= file.size)) return file;
  const ending = small.type === "image/webp" ? ".webp" : ".jpg";
  return new File([small], file.name.replace(/\.\w{1,5}$/, "") + ending, { type: small.type });
}
