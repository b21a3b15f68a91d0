import type { Request } from 'express';
import { canonicalIp } from '#proto/addresses.ts';

/** The address that the connection comes from: no header says so, because anybody can write a header. */
export function callerIp(req: Request): string | undefined {
  const { remoteAddress } = req.socket;
  return remoteAddress === undefined ? undefined : canonicalIp(remoteAddress);
}
