import { execFileSync } from 'node:child_process';
import {
  appendFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { eventually, rootOf, sha256, silent, tempFolder } from '../testing/test-peer.ts';
import { diskError } from './disk-error.ts';
import { RegularFile } from './regular-file.ts';
import { Share } from './share.ts';
import { FolderWatch } from './watch.ts';

async function opened(files: Record<string, string | Buffer> = {}, logger = silent) {
  const folder = await tempFolder(files);
  const share = await Share.open(folder.path, logger);
  await share.start();
  return {
    share,
    path: (name: string) => join(folder.path, name),
    names: () =>
      share
        .list()
        .map((file) => file.name)
        .sort(),
    async [Symbol.asyncDispose]() {
      await share[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function capturing() {
  const lines: { file: string; reason: string }[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return { lines, logger };
}

describe('what is shared', () => {
  test('names of every spelling, and files of every size', async () => {
    const big = Buffer.alloc(3 * 1024 * 1024 + 1, 7);
    const files = {
      'a b': '1',
      'new\nline': '2',
      '%41': '3',
      '-rf': '4',
      'a,b': '5',
      empty: '',
      big,
      'caf\u00e9': 'nfc',
      'cafe\u0301': 'nfd',
      '.hidden': '6',
    };
    await using it = await opened(files);
    expect(it.names()).toEqual(Object.keys(files).sort());
    expect(it.share.list().find((file) => file.name === 'big')).toEqual({
      name: 'big',
      size: big.length,
      sha256: sha256(big),
      root: rootOf(big),
    });
    expect(it.share.list().find((file) => file.name === 'empty')?.sha256).toBe(sha256(''));
    expect(it.share.bytes).toBe(Object.values(files).reduce((sum, content) => sum + content.length, 0));
  });

  test('nothing but regular files, and no FIFO blocks the rest', async () => {
    await using it = await opened();
    await mkdir(it.path('folder'));
    await symlink('/etc/passwd', it.path('to-outside'));
    await symlink('.', it.path('to-folder'));
    await symlink('plain', it.path('to-file'));
    for (const name of ['f1', 'f2', 'f3', 'f4', 'f5']) execFileSync('mkfifo', [it.path(name)]);
    execFileSync('mknod', [it.path('device'), 'c', '1', '5']);
    const socket = createServer().listen(it.path('socket'));
    await writeFile(it.path('plain'), 'x');
    await it.share.rescan();
    socket.close();
    expect(it.names()).toEqual(['plain']);
    for (const name of ['f1', 'to-outside', 'device', 'folder']) {
      expect(await it.share.lookAt(name)).toBeUndefined();
      expect(await RegularFile.open(it.path(name))).toBeUndefined();
    }
  });

  test('a name that the wire cannot carry is left out, with one warning', async () => {
    const { lines, logger } = capturing();
    await using folder = await tempFolder({ good: 'x', 'back\\slash': 'x', 'exe\u202etxt': 'x' });
    await writeFile(Buffer.concat([Buffer.from(`${folder.path}/`), Buffer.from([0x66, 0xff, 0xfe])]), 'x');
    await using share = await Share.open(folder.path, logger);
    await share.start();
    await share.rescan();
    expect(share.list().map((file) => file.name)).toEqual(['good']);
    expect(lines.map((line) => line.reason).sort()).toEqual([
      'a name that is not UTF-8',
      'a name with bidirectional controls',
      'a path',
    ]);
  });

  test('a share must be a folder', async () => {
    await using folder = await tempFolder({ file: 'x' });
    await expect(Share.open(join(folder.path, 'file'), silent)).rejects.toMatchObject({ code: 'bad-setting' });
    await expect(Share.open(join(folder.path, 'none'), silent)).rejects.toMatchObject({ code: 'bad-setting' });
    await rm(join(folder.path, 'file'));
    await symlink('/tmp', join(folder.path, '.peerlab'));
    await expect(Share.open(folder.path, silent)).rejects.toMatchObject({ code: 'bad-setting' });
  });

  test('what an earlier process left unfinished is removed', async () => {
    await using folder = await tempFolder();
    await mkdir(join(folder.path, '.peerlab'));
    await writeFile(join(folder.path, '.peerlab', 'dead.part'), 'x');
    await using _share = await Share.open(folder.path, silent);
    await expect(readFile(join(folder.path, '.peerlab', 'dead.part'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('kept current', () => {
  test('files that come, change and go are noticed by themselves', async () => {
    await using it = await opened({ old: 'old' });
    const changed = vi.fn();
    it.share.on('changed', changed);
    await writeFile(it.path('new'), 'new');
    await eventually('the new file', () => it.names().includes('new'));
    await writeFile(it.path('old'), 'now different');
    await eventually('the new content', () => it.share.list().find((file) => file.sha256 === sha256('now different')));
    await rename(it.path('new'), it.path('renamed'));
    await rm(it.path('old'));
    await eventually('the removal', () => it.names().join() === 'renamed');
    expect(changed).toHaveBeenCalled();
  });

  test('a file that did not change is not read again; one of the same size and time, but another inode, is', async () => {
    await using it = await opened({ a: 'aaaa', b: 'bbbb' });
    const hash = vi.spyOn(RegularFile.prototype, 'hashes');
    await it.share.rescan();
    expect(hash).not.toHaveBeenCalled();
    await writeFile(it.path('c'), 'cccc');
    await utimes(it.path('c'), 1, 1);
    await utimes(it.path('a'), 1, 1);
    await rename(it.path('c'), it.path('a'));
    await it.share.rescan();
    hash.mockRestore();
    expect(it.share.list().find((file) => file.name === 'a')?.sha256).toBe(sha256('cccc'));
  });

  test('a file that changes while it is hashed is taken up later, with its last content', async () => {
    await using it = await opened();
    const original = RegularFile.prototype.hashes;
    const spy = vi.spyOn(RegularFile.prototype, 'hashes').mockImplementationOnce(async function (
      this: RegularFile,
      ...args
    ) {
      await appendFile(it.path('growing'), ' more');
      return original.apply(this, args);
    });
    await writeFile(it.path('growing'), 'some');
    await it.share.rescan();
    expect(it.names()).toEqual([]);
    await eventually('the final content', () => it.share.list().find((file) => file.sha256 === sha256('some more')));
    spy.mockRestore();
  });

  test('one scan at a time, and one that waits, however often it is asked for', async () => {
    await using it = await opened({ a: 'a' });
    let atOnce = 0;
    let most = 0;
    let scans = 0;
    const original = RegularFile.open;
    const spy = vi.spyOn(RegularFile, 'open').mockImplementation(async (path) => {
      scans++;
      most = Math.max(most, ++atOnce);
      const file = await original(path);
      atOnce--;
      return file;
    });
    await writeFile(it.path('a'), 'b');
    const first = it.share.rescan();
    await Promise.all([first, ...Array.from({ length: 50 }, () => it.share.rescan())]);
    spy.mockRestore();
    expect(most).toBe(1);
    expect(scans).toBe(1);
  });

  test('without a watch the folder is polled', async () => {
    await using folder = await tempFolder();
    const look = vi.fn(async () => {});
    using _watch = new FolderWatch({
      folder: folder.path,
      logger: silent,
      look,
      watch: () => {
        throw Object.assign(new Error('too many'), { code: 'EMFILE' });
      },
    });
    await eventually('a second look', () => look.mock.calls.length >= 2);
  });

  test('a flood of events is one look', async () => {
    await using folder = await tempFolder();
    const look = vi.fn(async () => {});
    using watch = new FolderWatch({ folder: folder.path, logger: silent, look });
    for (let i = 0; i < 1000; i++) watch.lookWithin(20);
    await eventually('a look', () => look.mock.calls.length > 0);
    expect(look).toHaveBeenCalledTimes(1);
  });
});

describe('opening', () => {
  test('by content whatever the name; never what was not hashed', async () => {
    await using it = await opened({ a: 'content' });
    const { file } = await it.share.open('other-name', sha256('content'));
    await file[Symbol.asyncDispose]();
    await writeFile(it.path('a'), 'CONTENT');
    await expect(it.share.open('a')).rejects.toMatchObject({ code: 'file-changed' });
    await rm(it.path('a'));
    await symlink('/etc/passwd', it.path('a'));
    await expect(it.share.open('a')).rejects.toMatchObject({ code: 'file-not-found' });
  });

  test('a file notices to have been touched while it was open', async () => {
    for (const touch of [
      (path: string) => truncate(path, 1),
      (path: string) => appendFile(path, 'x'),
      (path: string) => writeFile(path, 'CONTENT'),
      (path: string) => rm(path),
      async (path: string) => {
        await writeFile(`${path}2`, 'content');
        await rename(`${path}2`, path);
      },
    ]) {
      await using folder = await tempFolder({ a: 'content' });
      await using file = await RegularFile.open(join(folder.path, 'a'));
      expect(await file?.isUnchanged()).toBe(true);
      await touch(join(folder.path, 'a'));
      expect(await file?.isUnchanged()).toBe(false);
    }
  });
});

describe('receiving', () => {
  const expected = (content: string) => ({ size: content.length, sha256: sha256(content) });

  async function receive(share: Share, name: string, content: string) {
    await using part = await share.receive(expected(content));
    await part.append(Buffer.from(content));
    await part.finish();
    return await share.publish(part, name);
  }

  test('a published file is in the list at once, and is not hashed again', async () => {
    await using it = await opened();
    const hash = vi.spyOn(RegularFile.prototype, 'hashes');
    await receive(it.share, 'got', 'content');
    await it.share.rescan();
    expect(hash).not.toHaveBeenCalled();
    hash.mockRestore();
    expect(it.names()).toEqual(['got']);
    expect(await readFile(it.path('got'), 'utf8')).toBe('content');
    expect(await readdir(it.path('.peerlab'))).toEqual([expect.stringMatching(/^lock\./)]);
  });

  test('what has the name already is never replaced', async () => {
    await using it = await opened();
    await writeFile(it.path('got'), 'mine');
    await expect(receive(it.share, 'got', 'yours')).rejects.toMatchObject({ code: 'file-exists' });
    expect(await readFile(it.path('got'), 'utf8')).toBe('mine');
    await receive(it.share, 'got', 'mine');
    await mkdir(it.path('folder'));
    await expect(receive(it.share, 'folder', 'x')).rejects.toMatchObject({ code: 'file-exists' });
    await symlink('nowhere', it.path('dangling'));
    await expect(receive(it.share, 'dangling', 'x')).rejects.toMatchObject({ code: 'file-exists' });
    await expect(receive(it.share, '../x', 'x')).rejects.toMatchObject({ code: 'bad-name' });
  });

  test('too few, too many and wrong bytes each have their error, and leave nothing', async () => {
    await using it = await opened();
    const attempt = async (content: string) => {
      await using part = await it.share.receive(expected('right'));
      await part.append(Buffer.from(content));
      await part.finish();
    };
    await expect(attempt('righ')).rejects.toMatchObject({ code: 'truncated' });
    await expect(attempt('right!')).rejects.toMatchObject({ code: 'too-many-bytes' });
    await expect(attempt('wrong')).rejects.toMatchObject({ code: 'hash-mismatch' });
    expect(await readdir(it.path('.peerlab'))).toEqual([expect.stringMatching(/^lock\./)]);
  });

  test('a disk that is full says so', () => {
    expect(diskError(Object.assign(new Error('write'), { code: 'ENOSPC' }))).toMatchObject({ code: 'disk-full' });
    expect(diskError(Object.assign(new Error('write'), { code: 'EIO' }))).toMatchObject({ code: 'internal' });
  });
});
