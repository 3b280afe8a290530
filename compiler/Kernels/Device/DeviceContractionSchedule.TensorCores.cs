using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Kernels.Loops;
using Sinter.Compiler.Operations;
using static Sinter.Compiler.Kernels.Device.GroupCode;
using static Sinter.Compiler.Kernels.Loops.Build;

namespace Sinter.Compiler.Kernels.Device;

/// <summary>Many rows on tensor cores: weights in BF16, or in E4M3 and widened to it; activations rounded to BF16, sums and epilogue in float32.</summary>
internal sealed partial class DeviceContractionSchedule
{
    // Of 16 bytes, which copies and loads take at once.
    private const int Halves = 8;
    private const int Codes = 16;

    // Columns whose scale a lane reads once.
    private const int ScaledTogether = 8;

    /// <summary>One sum a weight over the same rows, stored along the depth, everything in whole pieces of 16 bytes.</summary>
    private bool FitsTensorCores =>
        !keepsActivations && operation.Rows != RowSource.Keys && RunsAlongDepth
        && operation.Inputs.Count == 1 && operation.Weights.Count is 1 or 2 && operation.Accumulators.Count == operation.Weights.Count
        && _terms.Length == operation.Weights.Count && _terms.All(term => term.Accumulator == term.Term.Weight)
        && operation.Weights.Distinct().Count() == 1
        && operation.Inputs.All(input => input.Depth % Halves == 0 && AreWhole(input.Layout))
        && operation.Weights.All(view => AreWhole(Halves, view.Offset, view.BatchStride, view.BlockStride, view.ColumnStride));

    /// <summary>
    /// What E4M3 wants beside: depths from a block of scales on, which is so where stored rows are taken from their beginning, and
    /// eight columns after the other in one block of scales.
    /// </summary>
    private bool FitsBlockScales =>
        FitsTensorCores && operation.Inputs.All(input => input.Depth % Codes == 0) && operation.Weights.All(view =>
            view.ColumnStride % Codes == 0 && (view.Block >= operation.Columns || view.Block % ScaledTogether == 0)
            && AreWhole(ScaledTogether * view.ColumnStride, view.Offset, operation.Batch > 1 ? view.BatchStride : 0, view.Block >= operation.Columns ? 0 : view.BlockStride));

    private DeviceKernel OnTensorCores(Procedure epilogue)
    {
        int products = operation.Weights.Count;
        var body = new Body();
        Name tileRows = body.Let("tileRows", Build.Make(Kind.Integer, Function.TileRows));
        Expression block = GroupX;
        if (operation.Batch > 1)
        {
            Name blocks = body.Let("blocks", Blocks(operation.Columns * products, Build.Make(Kind.Integer, Function.TileColumns)));
            body.Let(s_batch.Text, GroupX / blocks);
            block = GroupX % blocks;
        }

        Expression? expert = null;
        if (operation.Rows == RowSource.Experts)
        {
            expert = WriteExpertOfTile(body, tileRows);
        }
        else
        {
            body.Let(s_first.Text, GroupY * tileRows);
            body.Let(s_end.Text, RowCount);
        }

        List<Name> captured = [.. _extras, _output];
        if (operation.Batch > 1) captured.Insert(0, s_batch);
        if (_rows is not null) captured.Insert(0, _rows);
        if (_groups is not null) captured.Insert(0, _groups);
        Name row = TensorProduct.Row, column = TensorProduct.Column;
        Expression[] sums = products == 1 ? [TensorProduct.Sum] : [TensorProduct.Sum, TensorProduct.Second];
        var product = new TensorProduct(
            operation.Name + "Product", captured.ToEquatable(), products, operation.Columns, operation.Inputs[0].Depth,
            InputRow(0, operation.Inputs[0].Indexed ? Indexed(row) : row, null), Element(0, column),
            new Run(epilogue, StoreArguments(row, row, column, sums).ToEquatable()));
        body.OnTensorCores(new TensorTile(product, FitsBlockScales, _inputs[0], WeightsOf(body, expert).ToEquatable(), s_first, s_end, block));

        var entry = new Procedure(operation.Name + "Tensor", "", _parameters.Names, body.Statements, IsWidening: false);
        string weights = FitsBlockScales ? "weights in BF16 or E4M3" : "weights in BF16";
        var kernel = new Kernel(
            $"{operation.Name} from {DeviceSchedule.FewestOnTensorCores} tokens on: tiles on tensor cores, {weights}, activations rounded to BF16.", Sizes(), entry, default, null);
        Expression rows = operation.Rows == RowSource.Experts ? Tokens : RowCount;
        Expression experts = operation.Rows == RowSource.Experts ? _groups!.Field("Experts", Kind.Integer) : 0;
        var tiles = new ProductTiling(RowCount, experts, operation.Batch, FitsBlockScales ? operation.Weights[0].ColumnStride : 0);
        return new(kernel, rows >= DeviceSchedule.FewestOnTensorCores, 0, 0, 0, 0, new TensorKernel(product, tiles));
    }
}
