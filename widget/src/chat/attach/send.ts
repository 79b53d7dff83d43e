/** One form to the server with its progress, which fetch cannot tell. The token travels in a header, as everywhere. */
import { type Api, ApiError, PREFIX } from "../api";

const TIMEOUT_MS = 120_000; // ten megabytes on a slow train

/** @throws ApiError; a session that ended is renewed once before */
export async function send<T>(api: Api, path: string, file: File, progress: (part: number) => void, stop?: AbortSignal): Promise<T> {
  if (!api.headers()["authorization"]) await api.open();
  try {
    return await once<T>(api, path, file, progress, stop);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    api.forget();
    await api.open();
    return once<T>(api, path, file, progress, stop);
  }
}

/** null for a proxy's own page, or nothing at all. */
function read(text: string): { error?: { code: string; message: string } } | null {
  try {
    return JSON.parse(text) as object;
  } catch {
    return null;
  }
}

function once<T>(api: Api, path: string, file: File, progress: (part: number) => void, stop?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.open("POST", PREFIX + path);
    xhr.timeout = TIMEOUT_MS;
    for (const [name, value] of Object.entries(api.headers())) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    xhr.onloadend = () => {
      const body = read(xhr.responseText);
      if (xhr.status >= 200 && xhr.status < 300 && body) resolve(body as T);
      else reject(new ApiError(xhr.status, body?.error?.code ?? "unreachable", body?.error?.message ?? ""));
    };
    stop?.addEventListener("abort", () => xhr.abort());
    const form = new FormData();
    form.append("file", file, file.name);
    xhr.send(form);
  });
}
