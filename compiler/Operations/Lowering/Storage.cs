using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;

namespace Sinter.Compiler.Operations.Lowering;

/// <summary>How a value lies in its buffer.</summary>
internal enum StorageForm
{
    /// <summary>Row-major over its axes; the first axis is the row.</summary>
    Plain,

    /// <summary>Axes [t, k, …], with the pairs (t, k) ordered by expert.</summary>
    ByExpert,

    /// <summary>Not yet summed over the chosen experts: rows are pairs ordered by expert.</summary>
    ExpertParts,
}

/// <summary>A value in memory.</summary>
/// <param name="Buffer">Index in the region.</param>
/// <param name="Groups">The order by expert, where the form is not plain.</param>
internal sealed record Storage(int Buffer, StorageForm Form = StorageForm.Plain, int Groups = -1);

/// <summary>The shapes of values, as the lowering needs them.</summary>
internal static class Shapes
{
    public static bool IsRow(this Axis axis) => axis.Extent != Extent.Fixed;

    /// <summary>Numbers of all the fixed axes.</summary>
    public static int Width(this IEnumerable<Axis> axes) => axes.Where(axis => !axis.IsRow()).Aggregate(1, (width, axis) => checked(width * axis.Size));

    /// <summary>Numbers from one entry of an axis to the next in a row-major value.</summary>
    public static int Stride(this EquatableArray<Axis> axes, Axis axis) =>
        axes.SkipWhile(other => other != axis).Skip(1).Width();

    /// <summary>
    /// The stride with which a run of axes is walked as if it were one, or -1 where that cannot be done, or 0 where the
    /// value has none of them.
    /// </summary>
    public static int JoinedStride(this EquatableArray<Axis> axes, IReadOnlyList<Axis> run) => Joined(run, axis => axes.Contains(axis) ? axes.Stride(axis) : 0);

    /// <inheritdoc cref="JoinedStride(EquatableArray{Axis}, IReadOnlyList{Axis})"/>
    public static int JoinedStride(this Weight weight, IReadOnlyList<Axis> run) => Joined(run, weight.StrideOf);

    /// <summary>The stored stride of an axis; zero where the view lacks it.</summary>
    public static int StrideOf(this Weight weight, Axis axis)
    {
        for (int i = 0; i < weight.Axes.Count; i++)
        {
            if (weight.Axes[i] == axis) return weight.Strides[i];
        }

        return 0;
    }

    private static int Joined(IReadOnlyList<Axis> run, System.Func<Axis, int> stride)
    {
        if (run.Count == 0) return 0;
        int last = stride(run[run.Count - 1]);
        int expected = last;
        for (int i = run.Count - 1; i > 0; i--)
        {
            expected *= run[i].Size;
            if (stride(run[i - 1]) != expected) return -1;
        }

        return last;
    }
}
