using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Device;

/// <summary>What kernels for groups of threads are written with.</summary>
internal static class GroupCode
{
    /// <summary>This thread's number in its group.</summary>
    public static readonly Name Thread = new(Kind.Integer, "thread");

    /// <summary>The group's numbers in the launch.</summary>
    public static readonly Name GroupX = new(Kind.Integer, "groupX");
    public static readonly Name GroupY = new(Kind.Integer, "groupY");
    public static readonly Name GroupZ = new(Kind.Integer, "groupZ");

    /// <summary>The most tokens and positions that a sequence of the step has.</summary>
    public static readonly Expression LongestCount = Step.Field("LongestCount", Kind.Integer);
    public static readonly Expression LongestLength = Step.Field("LongestLength", Kind.Integer);
    public static readonly Expression Sequences = Step.Field("Sequences", Kind.Integer);

    public static Expression Range(Expression sequence) => Step.Field("Ranges", Kind.Range)[sequence];

    public static Expression Position(Expression token) => Step.Field("Positions", Kind.Integers)[token];

    public static Expression Widen(Expression weight, Expression element) => Make(Kind.Float, Function.WidenAt, weight, element);

    /// <summary>The smallest power of two that is not below a number.</summary>
    public static int PowerOfTwo(int least)
    {
        int power = 1;
        while (power < least) power *= 2;
        return power;
    }

    public static Expression Neutral(Reduction reduction) => new Real(reduction == Reduction.Max ? double.NegativeInfinity : 0);

    /// <summary>
    /// Brings one number of each thread together, in neighbourhoods of <paramref name="width"/> threads: afterwards the
    /// first of them has the result. A tree with a barrier a step, since portable kernels have no warps.
    /// </summary>
    /// <param name="memory">[group size].</param>
    public static void Reduce(Body body, Name memory, Expression value, int width, bool isMax)
    {
        if (width == 1) return;
        body.Set(memory[Thread], value);
        for (int half = width / 2; half > 0; half /= 2)
        {
            body.Barrier();
            Expression other = memory[Thread + half];
            Expression result = isMax ? Max(memory[Thread], other) : memory[Thread] + other;
            body.If(Thread % width < half, first => first.Set(memory[Thread], result));
        }

        body.Barrier();
    }

    /// <summary>A name for each of a kernel's numbers.</summary>
    public static EquatableArray<Size> Sizes(params (string Name, int Value)[] sizes) =>
        sizes.Select(size => new Size(size.Name, size.Value)).ToEquatable();

    /// <summary>Whether places are multiples of what is copied or loaded at once.</summary>
    public static bool AreWhole(int unit, params int[] places) => places.All(place => place % unit == 0);

    /// <summary>Whether numbers in float32 that are stored so can be loaded 16 bytes at a time.</summary>
    public static bool AreWhole(Layout layout) => AreWhole(4, layout.RowStride, layout.RepeatStride, layout.Offset);

    public static EquatableArray<Name> With(this EquatableArray<Name> names, IEnumerable<Name> more) => names.Concat(more).ToEquatable();
}
