import { ListObjectsV2Command, type ListObjectsV2CommandOutput, type S3Client } from '@aws-sdk/client-s3';
import type { StoredObject } from './archive-store.js';

/** What a bucket holds, a page at a time. Keys are asked for in URL encoding: not every one can stand in XML. */
export async function* listBucket(
  client: Pick<S3Client, 'send'>,
  bucket: string,
  signal?: AbortSignal,
): AsyncGenerator<StoredObject[]> {
  let token: string | undefined;
  do {
    const page: ListObjectsV2CommandOutput = await client.send(
      new ListObjectsV2Command({ Bucket: bucket, ContinuationToken: token, EncodingType: 'url' }),
      { abortSignal: signal },
    );
    const decoded = (key: string) =>
      page.EncodingType === 'url' ? decodeURIComponent(key.replaceAll('+', ' ')) : key;
    yield (page.Contents ?? []).map((one) => ({
      key: decoded(one.Key ?? ''),
      bytes: one.Size ?? 0,
      etag: one.ETag,
      lastModified: one.LastModified?.toISOString(),
    }));
    token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}
