using System.Collections.Generic;
using System.Globalization;

namespace Sinter.Ptx.Text;

/// <summary>Reads operands (PTX ISA, section 6, "Instruction Operands").</summary>
internal static class OperandParser
{
    public static Operand Read(TokenReader reader)
    {
        var first = ReadSingle(reader);
        return reader.TakeIf("|") ? new Pair(first, ReadSingle(reader), first.Position) : first;
    }

    public static List<Operand> ReadList(TokenReader reader, string end)
    {
        var operands = new List<Operand>();
        while (!reader.Is(end))
        {
            operands.Add(Read(reader));
            if (!reader.TakeIf(","))
            {
                break;
            }
        }

        reader.Expect(end);
        return operands;
    }

    private static Operand ReadSingle(TokenReader reader)
    {
        var position = reader.Current.Position;
        if (reader.TakeIf("{"))
        {
            return new VectorOperand(ReadList(reader, "}"), position);
        }

        if (reader.TakeIf("("))
        {
            return new Group(ReadList(reader, ")"), position);
        }

        if (reader.TakeIf("["))
        {
            return ReadAddress(reader, position);
        }

        if (reader.TakeIf("!"))
        {
            return new Not(ReadSingle(reader), position);
        }

        if (reader.Current.Kind == TokenKind.Word)
        {
            Operand name = new Name(reader.Take().Text, position);
            return reader.Is("+") ? new Sum(name, Offset(reader), position) : name;
        }

        return ReadNumber(reader);
    }

    private static Address ReadAddress(TokenReader reader, SourcePosition position)
    {
        Operand from = reader.Current.Kind == TokenKind.Word
            ? new Name(reader.Take().Text, reader.Current.Position)
            : ReadNumber(reader);
        var offset = Offset(reader);
        VectorOperand? coordinates = null;
        if (reader.TakeIf(","))
        {
            var start = reader.Expect("{").Position;
            coordinates = new VectorOperand(ReadList(reader, "}"), start);
        }

        reader.Expect("]");
        return new Address(from, offset, coordinates, position);
    }

    private static long Offset(TokenReader reader)
    {
        var offset = 0L;
        while (reader.Is("+") || reader.Is("-"))
        {
            offset += reader.TakeIf("+") ? reader.Integer("an offset") : reader.Integer("an offset");
        }

        return offset;
    }

    private static Number ReadNumber(TokenReader reader)
    {
        var negative = reader.TakeIf("-");
        var inverted = reader.TakeIf("~");
        var token = reader.Expect(TokenKind.Number, "an operand");
        var number = token.Value!;
        if (inverted)
        {
            number = number with { Bits = ~number.Bits };
        }

        if (!negative)
        {
            return number;
        }

        return number.Kind switch
        {
            NumberKind.Integer => number with { Bits = unchecked(0 - number.Bits) },
            NumberKind.Single => number with { Bits = number.Bits ^ 0x8000_0000 },
            _ => number with { Bits = number.Bits ^ (1UL << 63) },
        };
    }

    /// <summary>The operand as it was written, for reports.</summary>
    public static string Show(Operand operand) => operand switch
    {
        Name name => name.Text,
        Number { Kind: NumberKind.Integer } number => ((long)number.Bits).ToString(CultureInfo.InvariantCulture),
        Number { Kind: NumberKind.Single } number => $"0f{number.Bits:X8}",
        Number number => $"0d{number.Bits:X16}",
        Sum sum => $"{Show(sum.Base)}+{sum.Offset}",
        Address { Offset: 0 } address => $"[{Show(address.Base)}{Coordinates(address)}]",
        Address address => $"[{Show(address.Base)}{address.Offset:+0;-0}{Coordinates(address)}]",
        VectorOperand vector => $"{{{Join(vector.Elements)}}}",
        Group group => $"({Join(group.Elements)})",
        Pair pair => $"{Show(pair.First)}|{Show(pair.Second)}",
        Not not => $"!{Show(not.Inner)}",
        _ => "",
    };

    private static string Coordinates(Address address)
        => address.Coordinates is { } coordinates ? ", " + Show(coordinates) : "";

    private static string Join(IReadOnlyList<Operand> operands)
    {
        var parts = new List<string>();
        foreach (var operand in operands)
        {
            parts.Add(Show(operand));
        }

        return string.Join(", ", parts);
    }
}
