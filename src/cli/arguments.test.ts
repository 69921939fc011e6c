import { describe, expect, it } from 'vitest';
import { OPTIONS } from '../server/config.ts';
import { helpOf, parseArguments } from './arguments.ts';
import { COMMANDS } from './commands.ts';
import { UsageError } from './context.ts';

const command = (name: string) => COMMANDS.find((row) => row.name === name)!;

describe('parseArguments', () => {
  it('reads flags of every kind', () => {
    const { flags, positionals, help } = parseArguments(command('demo'), [
      '--port',
      '0',
      '--no-create-on-push',
      '--origins=http://a.test',
      '--origins',
      'http://b.test,http://c.test',
      '-i',
      'camera',
      '--open',
      '-c',
      'x.json',
      '--dvr-mode=always',
    ]);
    expect(flags).toEqual({
      port: '0',
      createOnPush: false,
      origins: ['http://a.test', 'http://b.test,http://c.test'],
      input: 'camera',
      open: true,
      config: 'x.json',
      'dvr.mode': 'always',
    });
    expect([positionals, help]).toEqual([[], false]);
  });

  it('takes - and negative numbers as values', () => {
    expect(parseArguments(command('push'), ['cam', '-i', '-', '--fps', '-1'])).toMatchObject({
      flags: { input: '-', fps: '-1' },
      positionals: ['cam'],
    });
  });

  it.each([
    ['serve', ['--prot', '1'], /--prot is not an option of "sluice serve"; did you mean --port\?/],
    ['serve', ['--zzzzzz'], /^--zzzzzz is not an option of "sluice serve"$/],
    ['serve', ['-x'], /^-x is not an option/],
    ['serve', ['--port'], /^--port needs a value: --port PORT$/],
    ['serve', ['--port', '--host'], /^--port needs a value/],
    ['serve', ['--create-on-push=no'], /takes no value; no received/],
    ['serve', ['--no-port'], /^--no-port is not an option/],
    ['serve', ['here'], /"here" is one argument too many: sluice serve \[options\]/],
    ['push', [], /^STREAM is missing: sluice push STREAM \[options\]/],
    ['push', ['a', 'b'], /"b" is one argument too many/],
  ])('refuses %s %o', (name, args, message) => {
    expect(() => parseArguments(command(name), args)).toThrow(UsageError);
    expect(() => parseArguments(command(name), args)).toThrow(message);
  });

  it('gives help without asking for the rest', () => {
    expect(parseArguments(command('push'), ['-h']).help).toBe(true);
  });
});

describe('helpOf', () => {
  it('shows every setting of the table, with its default and variable', () => {
    const help = helpOf(command('serve'));
    for (const option of OPTIONS) {
      expect(help).toContain(`-${option.flag}`);
      expect(help).toContain(option.env);
      expect(help).toContain(option.help);
    }
    expect(help).toContain('[127.0.0.1]');
    expect(help).toContain('--no-create-on-push');
  });

  it('fits every command', () => {
    for (const row of COMMANDS) expect(helpOf(row)).toContain(`Usage: sluice ${row.name}`);
    // One key, one flag, in each command.
    for (const row of COMMANDS) expect(new Set(row.options.map((option) => option.flag)).size).toBe(row.options.length);
  });
});
