using System.Linq;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Device.GroupCode;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Device;

/// <summary>Few rows: what counts is to stream the weights in whole cache lines, with enough threads under way.</summary>
internal sealed partial class DeviceContractionSchedule
{
    /// <summary>Threads of a group.</summary>
    private const int FewThreads = 128;

    /// <summary>Numbers that a thread takes one after the other, so that neighbouring threads read whole lines.</summary>
    private const int Run = 4;

    private DeviceKernel Few(Procedure epilogue)
    {
        int deepest = operation.Inputs.Max(input => input.Depth);
        // Along the depth: as many threads a column as it has runs. Else neighbouring threads take neighbouring columns.
        int slices = RunsAlongDepth
            ? System.Math.Min(FewThreads, PowerOfTwo(System.Math.Max(1, deepest / (2 * Run))))
            : System.Math.Max(4, FewThreads / PowerOfTwo(operation.Columns));
        int perGroup = FewThreads / slices;
        int blocks = (operation.Columns + perGroup - 1) / perGroup;
        Name sliceCount = new(Kind.Integer, "Slices"), columnCount = new(Kind.Integer, "GroupColumns");

        var body = new Body();
        body.Let(s_row.Text, GroupY);
        if (operation.Batch > 1) body.Let(s_batch.Text, GroupX / blocks);
        Expression block = operation.Batch > 1 ? GroupX % blocks : GroupX;
        Name slice = body.Let("slice", RunsAlongDepth ? Thread % sliceCount : Thread / columnCount);
        body.Let(s_column.Text, block * columnCount + (RunsAlongDepth ? Thread / sliceCount : Thread % columnCount));
        body.Remark("Threads past the last column work on that one, and store nothing.");
        Name safe = body.Let("safe", Min(s_column, s_columns - 1));
        Expression[] weights = WeightsOf(body, operation.Rows == RowSource.Experts ? WriteExpertOfRow(body) : null);
        Name[] sums = [.. Enumerable.Range(0, operation.Accumulators.Count).Select(a => body.Let(Sum(a).Text, Zero))];
        // Each sum has memory of its own: PoCL reads a number again where it is used, were the memory written anew by then.
        Name[] memory = [.. sums.Select((_, a) => body.InGroup(sums.Length == 1 ? "shared" : $"shared{a + 1}", FewThreads))];
        Expression[] rows = [.. operation.Inputs.Select((input, i) =>
            (Expression)body.Let(_inputs[i].Text + "Row", InputRow(i, input.Indexed ? Indexed(s_row) : s_row, null)))];
        for (int t = 0; t < _terms.Length; t++) WriteTerm(body, t, rows, weights, sums, safe, slice, sliceCount);
        for (int a = 0; a < sums.Length; a++)
        {
            WriteReduction(body, memory[a], sums[a], slices, perGroup);
            body.Set(sums[a], memory[a][Thread]);
        }

        body.If(slice.Is(0) & s_column < s_columns, first => Store(first, epilogue, s_row, s_row, s_column, [.. sums]));
        var sizes = Sizes([("Columns", operation.Columns), .. Depths, ("Slices", slices), ("GroupColumns", perGroup)]);
        var entry = new Procedure(operation.Name + "Few", "", _parameters.Names, body.Statements, IsWidening: true);
        var kernel = new Kernel(
            $"{operation.Equation}\nUp to {MostFew} rows: a group of {FewThreads} threads makes {perGroup} columns of one, {slices} threads a column.",
            sizes, entry, new[] { epilogue }.ToEquatable(), _parameters.Formats);
        return new(kernel, RowCount <= MostFew, FewThreads, blocks * operation.Batch, RowCount, 1);
    }

    private void WriteTerm(Body body, int number, Expression[] rows, Expression[] weights, Name[] sums, Name safe, Name slice, Name slices)
    {
        (int accumulator, Term term) = _terms[number];
        ContractionWeight view = operation.Weights[term.Weight];
        Name depth = DepthName(term.Input), sum = sums[accumulator];
        Expression weight = weights[term.Weight], row = rows[term.Input], data = Data(term.Input);
        int deep = operation.Inputs[term.Input].Depth;
        Name element = body.Let($"element{number}", Element(term.Weight, safe));
        if (!RunsAlongDepth)
        {
            body.For("d", slice, depth, slices, (inner, d) =>
                inner.Set(sum, sum + data[row + d] * Widen(weight, element + d * view.DepthStride)));
            return;
        }

        Name line = body.Let($"line{number}", Build.Make(Kind.Line, Function.LineAt, weight, element));
        Expression Product(Expression d) => data[row + d] * Build.Make(Kind.Float, Function.WidenInLine, weight, line, d);
        int whole = deep / Run * Run;
        body.For("d", slice * Run, whole, slices * Run, (inner, d) =>
            inner.Set(sum, sum + Enumerable.Range(0, Run).Select(i => Product(d + i)).Aggregate((a, b) => a + b)));
        if (whole < deep) body.For("d", slice + whole, depth, slices, (inner, d) => inner.Set(sum, sum + Product(d)));
    }

    /// <summary>Leaves each column's sum with the thread of its first slice.</summary>
    private void WriteReduction(Body body, Name memory, Name sum, int slices, int perGroup)
    {
        if (RunsAlongDepth && slices > 1)
        {
            Reduce(body, memory, sum, slices, isMax: false);
            return;
        }

        body.Set(memory[Thread], sum);
        for (int half = slices / 2; half > 0; half /= 2)
        {
            body.Barrier();
            body.If(Thread < half * perGroup, first => first.Set(memory[Thread], memory[Thread] + memory[Thread + half * perGroup]));
        }

        body.Barrier();
    }

    /// <summary>The expert whose segment a row lies in: the last whose segment begins no later.</summary>
    private Name WriteExpertOfRow(Body body)
    {
        Name expert = body.Let("expert", 0), end = body.Let("end", _groups!.Field("Experts", Kind.Integer));
        body.While(end - expert > 1, search =>
        {
            Name middle = search.Let("middle", (expert + end) / 2);
            search.If(_groups!.Field("Offsets", Kind.Integers)[middle] <= s_row, then => then.Set(expert, middle), otherwise => otherwise.Set(end, middle));
        });
        return expert;
    }
}
