using System.Collections.Generic;
using System.Linq;

namespace Sinter.Ptx.Text;

/// <summary>Reads the statements of a function (PTX ISA, section 4.3, "Statements").</summary>
internal static class BodyParser
{
    public static IReadOnlyList<Statement> Read(TokenReader reader)
    {
        reader.Expect("{");
        var body = new List<Statement>();
        while (!reader.TakeIf("}"))
        {
            if (reader.Current.Kind == TokenKind.End)
            {
                throw reader.Error("the function has no closing brace.");
            }

            ReadStatement(reader, body);
        }

        return body;
    }

    private static void ReadStatement(TokenReader reader, List<Statement> body)
    {
        var token = reader.Current;
        if (reader.Is("{"))
        {
            body.Add(new Scope(Read(reader), token.Position));
        }
        else if (token.Text is ".loc" or ".file")
        {
            reader.SkipLine();
        }
        else if (token.Text == ".pragma")
        {
            reader.Take();
            reader.Expect(TokenKind.Text, "the pragma's text");
            reader.Expect(";");
        }
        else if (reader.Is(".reg"))
        {
            body.AddRange(DeclarationParser.ReadRegisters(reader));
        }
        else if (DeclarationParser.StartsVariable(reader))
        {
            body.AddRange(DeclarationParser.ReadVariables(reader, external: false));
        }
        else if (token.Kind == TokenKind.Word && reader.After.Text == ":")
        {
            reader.Take();
            reader.Take();
            body.Add(new LabelStatement(token.Text, token.Position));
        }
        else if (!reader.TakeIf(";"))
        {
            body.Add(ReadInstruction(reader));
        }
    }

    private static Instruction ReadInstruction(TokenReader reader)
    {
        string? predicate = null;
        var negated = false;
        if (reader.TakeIf("@"))
        {
            negated = reader.TakeIf("!");
            predicate = reader.Expect(TokenKind.Word, "a predicate register").Text;
        }

        var opcode = reader.Expect(TokenKind.Word, "an instruction");
        var operands = OperandParser.ReadList(reader, ";");
        var text = $"{opcode.Text} {string.Join(", ", operands.Select(OperandParser.Show))}".TrimEnd();
        return new Instruction(opcode.Text, operands, predicate, negated, opcode.Position, text);
    }
}
