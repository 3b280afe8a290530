using System;
using System.Globalization;
using System.Linq;
using Sinter.Compiler.Kernels.Loops;

namespace Sinter.Compiler.Emit;

/// <summary>Expressions of the loop language as C#, with no more parentheses than C# needs.</summary>
internal static class CSharpExpressions
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
        Kind.Lanes => "V",
        Kind.Floats => "float*",
        Kind.Rows => "float**",
        Kind.Integers => "int*",
        Kind.Weight => "StoredWeight*",
        Kind.Matrix => "MatrixView",
        Kind.Cache => "CacheView*",
        Kind.Groups => "ExpertGroups*",
        Kind.Range => "SequenceRange",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static string Print(Expression expression, int level)
    {
        (string text, int own) = expression switch
        {
            Whole whole => (whole.Value.ToString(CultureInfo.InvariantCulture), whole.Value < 0 ? UnaryLevel : Primary),
            Real real => (Number(real.Value), real.Value < 0 ? UnaryLevel : Primary),
            Name name => (name.Text, Primary),
            Element element => ($"{Print(element.Place, Primary)}[{Print(element.Index)}]", Primary),
            Member member => ($"{Print(member.Of, Primary)}{(member.Of.Kind is Kind.Weight or Kind.Cache or Kind.Groups ? "->" : ".")}{member.Selector}", Primary),
            Conditional choice => ($"{Print(choice.Condition, 1)} ? {Print(choice.Then, 1)} : {Print(choice.Otherwise, 0)}", 0),
            Arithmetic arithmetic => Print(arithmetic),
            Call call => Print(call),
            _ => throw new ArgumentOutOfRangeException(nameof(expression)),
        };
        return own < level ? $"({text})" : text;
    }

    private static (string Text, int Level) Print(Arithmetic arithmetic)
    {
        (string sign, int level) = Sign(arithmetic.Operator);
        return ($"{Print(arithmetic.Left, level)} {sign} {Print(arithmetic.Right, level + 1)}", level);
    }

    /// <summary>An operator as C# writes it, and how tightly it binds.</summary>
    public static (string Text, int Level) Sign(Operator operation) => operation switch
    {
        Operator.Multiply => ("*", 7),
        Operator.Divide => ("/", 7),
        Operator.Remainder => ("%", 7),
        Operator.Add => ("+", 6),
        Operator.Subtract => ("-", 6),
        Operator.Less => ("<", 5),
        Operator.Greater => (">", 5),
        Operator.LessOrEqual => ("<=", 5),
        Operator.GreaterOrEqual => (">=", 5),
        Operator.Equal => ("==", 4),
        Operator.And => ("&&", 3),
        Operator.Or => ("||", 2),
        _ => throw new ArgumentOutOfRangeException(nameof(operation)),
    };

    private static (string Text, int Level) Print(Call call)
    {
        string Argument(int index) => Print(call.Arguments[index]);
        string all = string.Join(", ", call.Arguments.Select(a => Print(a)));
        bool lanes = call.Kind == Kind.Lanes;
        return call.Function switch
        {
            Function.Min or Function.Max => ($"{(lanes ? "V" : call.Kind == Kind.Float ? "MathF" : "Math")}.{call.Function}({all})", Primary),
            Function.Fma => (lanes ? $"V.Fma({all})" : $"MathF.FusedMultiplyAdd({all})", Primary),
            Function.Sqrt or Function.Log or Function.Abs => ($"{(lanes ? "V" : "MathF")}.{call.Function}({all})", Primary),
            Function.Exp or Function.Tanh => ($"{(lanes ? "LaneMath" : "MathF")}.{call.Function}({all})", Primary),
            Function.Rsqrt or Function.Sigmoid or Function.Silu or Function.Relu or Function.Step => ($"LaneMath.{call.Function}({all})", Primary),
            Function.Negate => ($"-{Print(call.Arguments[0], UnaryLevel)}", UnaryLevel),
            Function.Not => ($"!{Print(call.Arguments[0], UnaryLevel)}", UnaryLevel),
            Function.LaneCount => ("V.Count", Primary),
            Function.LanesLeft => ($"LaneMath.Left<V>({all})", Primary),
            Function.All => (call.Arguments[0] is Real { Value: 0 } ? "V.Zero" : $"V.All({all})", Primary),
            Function.LoadLanes => ($"V.Load({all})", Primary),
            Function.WidenLanes => ($"MatrixView.Load<V, W>({all})", Primary),
            Function.FirstLanes => ($"V.First({all})", Primary),
            Function.RotatePairs => ($"V.RotatePairs({all})", Primary),
            Function.Sum => ($"V.Sum({all})", Primary),
            Function.Largest => ($"V.Largest({all})", Primary),
            Function.Long => ($"(long){Print(call.Arguments[0], UnaryLevel)}", UnaryLevel),
            Function.Float => ($"(float){Print(call.Arguments[0], UnaryLevel)}", UnaryLevel),
            Function.View => ($"new MatrixView({View(call, Argument)})", Primary),
            _ => throw new ArgumentOutOfRangeException(nameof(call)),
        };
    }

    private static string View(Call call, Func<int, string> argument)
    {
        string text = $"{argument(0)}, {argument(1)}, columnStride: {argument(2)}, depthStride: {argument(3)}";
        return call.Arguments.Count > 4 ? $"{text}, block: {argument(4)}, blockStride: {argument(5)}" : text;
    }

    public static string Number(double value)
    {
        float rounded = (float)value;
        if (float.IsNegativeInfinity(rounded)) return "float.NegativeInfinity";
        if (float.IsPositiveInfinity(rounded)) return "float.PositiveInfinity";
        if (float.IsNaN(rounded)) return "float.NaN";
        return rounded.ToString("R", CultureInfo.InvariantCulture) + "f";
    }
}
