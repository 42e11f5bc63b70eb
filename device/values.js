// What a value of JSON is. For [js]: ES5.

exports.isObject = isObject;
exports.isList = isList;

function isObject(value) {
  return typeof value === "object" && value !== null && !isList(value);
}

function isList(value) {
  return Object.prototype.toString.call(value) === "[object Array]";
}
