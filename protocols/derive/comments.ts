// The comments of fields.ts: what is said of each struct and of its fields.
import { readFileSync } from "node:fs";
import ts from "typescript";

/** What is said of a struct, and of each of its fields. */
export interface Said {
  readonly struct: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** By the struct's name. Throws where one is without a comment. */
export function saidOfStructs(): ReadonlyMap<string, Said> {
  const file = new URL("../src/fields.ts", import.meta.url).pathname;
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.ES2022, true);
  const said = new Map<string, Said>();
  const visit = (node: ts.Node, statement: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText() === "struct") {
      const [name, fields] = node.arguments;
      if (!name || !ts.isStringLiteral(name) || !fields || !ts.isObjectLiteralExpression(fields)) {
        throw new Error(`struct() without a name and fields: ${node.getText().slice(0, 80)}`);
      }
      const ofFields = fields.properties.map((field) => [field.name?.getText() ?? "", commentOf(field)] as const);
      said.set(name.text, { struct: commentOf(statement), fields: new Map(ofFields) });
    }
    ts.forEachChild(node, (child) => visit(child, statement));
  };
  for (const statement of source.statements) visit(statement, statement);
  return said;
}

function commentOf(node: ts.Node): string {
  const [comment] = ts.getJSDocCommentsAndTags(node);
  const text = comment && ts.getTextOfJSDocComment(comment.comment);
  if (!text) throw new Error(`there is no comment on ${node.getText().slice(0, 80)}`);
  return text.replaceAll("\n", " ");
}
