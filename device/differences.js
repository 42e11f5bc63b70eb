// What changed between two values of JSON, as a merge patch (RFC 7396). For [js]: ES5.
//
// Objects are compared name by name, anything else as a whole; null says that a name went away. So
// values must not have null in them.

exports.between = between;

// The patch that makes `after` of `before`; undefined where nothing changed. Both are objects.
function between(before, after) {
  var patch = {};
  var changed = false;
  var name;
  for (name in after) {
    if (has(before, name) && same(before[name], after[name])) {
      continue;
    }
    var nested = has(before, name) && isObject(before[name]) && isObject(after[name]);
    patch[name] = nested ? between(before[name], after[name]) : after[name];
    changed = true;
  }
  for (name in before) {
    if (!has(after, name)) {
      patch[name] = null;
      changed = true;
    }
  }
  return changed ? patch : undefined;
}

function same(a, b) {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return a === b;
  }
  return JSON.stringify(a) === JSON.stringify(b);
}

function isObject(value) {
  return Object.prototype.toString.call(value) === "[object Object]";
}

function has(value, name) {
  return Object.prototype.hasOwnProperty.call(value, name);
}
