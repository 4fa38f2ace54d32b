/** Of memory for WebAssembly, in bytes (WebAssembly JavaScript Interface, "Memories"). */
const PAGE_BYTES = 64 * 1024;

interface MemoryDescriptor {
  /** In pages. */
  initial: number;
  maximum: number;
  shared: true;
}

declare const WebAssembly: {
  Memory: new (descriptor: MemoryDescriptor) => { readonly buffer: SharedArrayBuffer };
};

/**
 * Memory that all threads see: what one fills, another one reads, and nothing is copied. It begins where a page of the system does, as that of
 * WebAssembly is made, so that a disk can fill it by itself (see `direct-file.ts`). Each block is memory of its own: what is copied within one is
 * copied slowly.
 */
export function sharedBlock(bytes: number): Buffer {
  const pages = Math.ceil(bytes / PAGE_BYTES);
  try {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    return Buffer.from(memory.buffer, 0, bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // It takes gigabytes of addresses, which a process may be denied (`ulimit -v`): then without that place.
    return Buffer.from(new SharedArrayBuffer(bytes));
  }
}
