using System.Collections.Generic;

namespace Sinter.Ptx.Text;

/// <summary>Reads variables, parameters and registers (PTX ISA, section 5, "State Spaces, Types, and Variables").</summary>
internal static class DeclarationParser
{
    private static readonly HashSet<string> s_spaces = [".global", ".const", ".shared", ".local", ".param", ".shared::cta"];

    public static bool StartsVariable(TokenReader reader) => s_spaces.Contains(reader.Current.Text) || reader.Is(".extern");

    /// <summary>One declaration; several names may share it.</summary>
    public static List<Variable> ReadVariables(TokenReader reader, bool external)
    {
        external |= reader.TakeIf(".extern");
        var space = reader.Take();
        if (!s_spaces.Contains(space.Text))
        {
            throw new PtxException($"'{space.Text}' is not a directive that can stand here.", space.Position);
        }

        var (align, vector, type) = ReadType(reader);
        var variables = new List<Variable>();
        do
        {
            var name = reader.Expect(TokenKind.Word, "the variable's name");
            var dimensions = ReadDimensions(reader);
            List<Operand> values = [];
            if (reader.TakeIf("="))
            {
                var value = OperandParser.Read(reader);
                Flatten(value, values);
                if (dimensions is [0])
                {
                    dimensions = [values.Count];
                }
            }

            variables.Add(new Variable(space.Text, external, align, type, vector, name.Text, dimensions, values, name.Position));
        }
        while (reader.TakeIf(","));

        reader.Expect(";");
        return variables;
    }

    public static List<Statement> ReadParameters(TokenReader reader)
    {
        var parameters = new List<Statement>();
        reader.Expect("(");
        while (!reader.Is(")"))
        {
            var space = reader.Take();
            if (space.Text is not (".param" or ".reg"))
            {
                throw new PtxException($"expected .param or .reg, but here is '{space.Text}'.", space.Position);
            }

            var (align, vector, type) = ReadType(reader);
            var name = reader.Expect(TokenKind.Word, "the parameter's name");
            parameters.Add(space.Text == ".reg"
                ? new RegisterDeclaration(type, vector, name.Text, -1, name.Position)
                : new Variable(".param", false, align, type, vector, name.Text, ReadDimensions(reader), [], name.Position));
            if (!reader.TakeIf(","))
            {
                break;
            }
        }

        reader.Expect(")");
        return parameters;
    }

    public static IEnumerable<RegisterDeclaration> ReadRegisters(TokenReader reader)
    {
        reader.Expect(".reg");
        var (_, vector, type) = ReadType(reader);
        do
        {
            var name = reader.Expect(TokenKind.Word, "the register's name");
            var count = -1;
            if (reader.TakeIf("<"))
            {
                count = checked((int)reader.Integer("the number of registers"));
                reader.Expect(">");
            }

            yield return new RegisterDeclaration(type, vector, name.Text, count, name.Position);
        }
        while (reader.TakeIf(","));

        reader.Expect(";");
    }

    /// <summary>.align n, .v2/.v4 and the type, in any order; kernels' pointer hints (.ptr .global .align n) are read past.</summary>
    private static (int Align, int Vector, string Type) ReadType(TokenReader reader)
    {
        var align = 0;
        var vector = 1;
        string? type = null;
        while (reader.Current.Kind == TokenKind.Directive)
        {
            var token = reader.Take();
            switch (token.Text)
            {
                case ".align":
                    align = checked((int)reader.Integer("an alignment"));
                    break;
                case ".v2":
                    vector = 2;
                    break;
                case ".v4":
                    vector = 4;
                    break;
                case ".ptr" or ".global" or ".shared" or ".const" or ".local" or ".attribute":
                    break;
                default:
                    type = token.Text[1..];
                    break;
            }
        }

        return type is null ? throw reader.Error("expected a type.") : (align, vector, type);
    }

    private static List<long> ReadDimensions(TokenReader reader)
    {
        var dimensions = new List<long>();
        while (reader.TakeIf("["))
        {
            dimensions.Add(reader.Is("]") ? 0 : reader.Integer("a size"));
            reader.Expect("]");
        }

        return dimensions;
    }

    private static void Flatten(Operand value, List<Operand> into)
    {
        if (value is VectorOperand vector)
        {
            foreach (var element in vector.Elements)
            {
                Flatten(element, into);
            }
        }
        else
        {
            into.Add(value);
        }
    }
}
