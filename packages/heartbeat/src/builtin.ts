/*
 * Node's own modules, without their import statements: those read every export of a module, and some exports load whole other parts
 * of Node.js when they are read. It is a sixth of the time until systemd is asked.
 */
export const childProcess = process.getBuiltinModule('node:child_process');
export const fs = process.getBuiltinModule('node:fs');
export const os = process.getBuiltinModule('node:os');
export const path = process.getBuiltinModule('node:path');
export const util = process.getBuiltinModule('node:util');
