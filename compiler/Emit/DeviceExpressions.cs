using System;
using System.Globalization;
using System.Linq;
using Sinter.Compiler.Kernels.Loops;

namespace Sinter.Compiler.Emit;

/// <summary>Expressions of the loop language as C# that ILGPU compiles: views and structures instead of pointers, single numbers instead of lanes.</summary>
internal static class DeviceExpressions
{
    private const int Primary = 9;
    private const int UnaryLevel = 8;

    public static string Print(Expression expression) => Print(expression, 0);

    public static string Type(Kind kind) => kind switch
    {
        Kind.Boolean => "bool",
        Kind.Integer => "int",
        Kind.Long => "long",
        Kind.Float => "float",
        Kind.Floats => "ArrayView<float>",
        Kind.Integers => "ArrayView<int>",
        Kind.Weight => "DeviceWeight",
        Kind.Line => "WeightLine",
        Kind.Cache => "DeviceCache",
        Kind.Groups => "DeviceGroups",
        Kind.Range => "SequenceRange",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static string Print(Expression expression, int level)
    {
        (string text, int own) = expression switch
        {
            Whole whole => (whole.Value.ToString(CultureInfo.InvariantCulture), whole.Value < 0 ? UnaryLevel : Primary),
            Real real => (CSharpExpressions.Number(real.Value), real.Value < 0 ? UnaryLevel : Primary),
            Name name => (name.Text, Primary),
            Element element => ($"{Print(element.Place, Primary)}[{Print(element.Index)}]", Primary),
            Member member => ($"{Print(member.Of, Primary)}.{member.Selector}", Primary),
            Conditional choice => ($"{Print(choice.Condition, 1)} ? {Print(choice.Then, 1)} : {Print(choice.Otherwise, 0)}", 0),
            Arithmetic arithmetic => Print(arithmetic),
            Call call => Print(call),
            _ => throw new ArgumentOutOfRangeException(nameof(expression)),
        };
        return own < level ? $"({text})" : text;
    }

    private static (string Text, int Level) Print(Arithmetic arithmetic)
    {
        (string sign, int level) = CSharpExpressions.Sign(arithmetic.Operator);
        return ($"{Print(arithmetic.Left, level)} {sign} {Print(arithmetic.Right, level + 1)}", level);
    }

    private static (string Text, int Level) Print(Call call)
    {
        string all = string.Join(", ", call.Arguments.Select(argument => Print(argument)));
        string rest = string.Join(", ", call.Arguments.Skip(1).Select(argument => Print(argument)));
        string First(int level) => Print(call.Arguments[0], level);
        return call.Function switch
        {
            Function.Min or Function.Max => ($"{(call.Kind == Kind.Float ? "MathF" : "Math")}.{call.Function}({all})", Primary),
            Function.Abs => ($"MathF.Abs({all})", Primary),
            Function.Exp or Function.Log or Function.Sqrt or Function.Rsqrt or Function.Tanh => ($"XMath.{call.Function}({all})", Primary),
            Function.Sigmoid or Function.Silu or Function.Relu or Function.Step => ($"DeviceMath.{call.Function}({all})", Primary),
            Function.Negate => ($"-{First(UnaryLevel)}", UnaryLevel),
            Function.Not => ($"!{First(UnaryLevel)}", UnaryLevel),
            Function.Long => ($"(long){First(UnaryLevel)}", UnaryLevel),
            Function.WidenAt => ($"default(W).At({all})", Primary),
            Function.WidenInLine => ($"default(W).InLine({all})", Primary),
            Function.LineAt => ($"{First(Primary)}.Line({rest})", Primary),
            Function.OfExpert => ($"{First(Primary)}.OfExpert({rest})", Primary),
            Function.AddressAt => ($"WideAccess.Place({all})", Primary),
            Function.TileRows => ("default(L).Rows", Primary),
            Function.TileColumns => ("default(L).Columns", Primary),
            _ => throw new ArgumentOutOfRangeException(nameof(call), call.Function, "No device has it."),
        };
    }
}
