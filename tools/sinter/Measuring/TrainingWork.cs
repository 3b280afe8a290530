using System.Linq;
using Sinter.Compiler;
using Sinter.Compiler.Emit.Training;
using Sinter.Compiler.Operations;
using Sinter.Compiler.Operations.Training;

namespace Sinter.Command.Measuring;

/// <summary>What the kernels of a training step must read and write, and how much they calculate, told from their operations.</summary>
/// <param name="tokens">Of a sequence.</param>
internal sealed class TrainingWork(CompiledTraining training, int tokens)
{
    private readonly double _pairs = tokens * (tokens + 1) / 2.0;

    /// <summary>Bytes and FLOPs (a multiplication and an addition are two) of each kernel for one sequence forward and backward, by its number.</summary>
    public (double Bytes, double Flops)[] Count()
    {
        var work = new (double Bytes, double Flops)[training.Kernels.All.Count];
        foreach (TrainingRegion region in training.Regions.Where(region => region.Descends || !region.IsStretched))
        {
            int layers = region.IsRepeated ? region.EndLayer - region.FirstLayer : 1;
            foreach (TrainingCall call in region.Calls)
            {
                (double bytes, double flops) = Of(call.Operation);
                ref (double Bytes, double Flops) sum = ref work[training.Kernels.All.IndexOf(training.Kernels[call.Operation])];
                sum = (sum.Bytes + layers * bytes, sum.Flops + layers * flops);
            }
        }

        return work;
    }

    private (double Bytes, double Flops) Of(Operation operation) => operation switch
    {
        ProductOperation product => Product(product),
        SequenceAttentionOperation attention => Attention(attention),
        NestOperation nest => (sizeof(float) * (nest.Inputs.Sum(input => Numbers(nest, input)) + (nest.Adds ? 2 : 1) * Numbers(nest, nest.Output)), 0),
        ScatterOperation scatter => (3.0 * sizeof(float) * tokens * scatter.Columns, 0),
        CastOperation cast => (2.0 * sizeof(float) * tokens * cast.Repeats * cast.Width, 0),
        _ => (0, 0),
    };

    private (double Bytes, double Flops) Product(ProductOperation product)
    {
        double batch = Size(product.Batch), rows = Size(product.Rows), columns = Size(product.Columns), depth = Size(product.Depth);

        // Pairs are spread over the experts, which are the batch.
        double passes = product.Pairs == PairAxis.None ? batch : 1;
        double left = product.Pairs == PairAxis.None ? batch * rows * depth : rows * depth;
        double right = (product.Pairs == PairAxis.Depth ? 1 : batch) * columns * depth;
        double result = (product.Pairs == PairAxis.Rows ? 1 : batch) * rows * columns * (product.Adds ? 2 : 1);
        return (sizeof(float) * (left + right + result), 2 * passes * rows * columns * depth);
    }

    /// <summary>Forward scores and sums, backward the scores anew and five products of the gradients' (two of value's width, two of key's, and the slopes').</summary>
    private (double Bytes, double Flops) Attention(SequenceAttentionOperation attention)
    {
        double key = attention.Query.Width + (attention.OtherQuery?.Width ?? 0), value = attention.Value.Width;
        double numbers = (double)tokens * attention.Heads * (2 * key + 2 * value);
        return attention.IsBackward
            ? (sizeof(float) * 2 * numbers, 2 * _pairs * attention.Heads * (3 * key + 2 * value))
            : (sizeof(float) * numbers, 2 * _pairs * attention.Heads * (key + value));
    }

    private double Numbers(NestOperation nest, NestInput input) => input switch
    {
        NumberInput number => Numbers(nest, number.Place),
        TakenInput taken => Numbers(nest, taken.Place) + Numbers(nest, taken.Index),
        HotInput hot => Numbers(nest, hot.Index),
        RotatedInput rotated => 2 * Numbers(nest, rotated.Place),
        _ => 0,
    };

    private double Numbers(NestOperation nest, Place place) =>
        place.Strides.Select((stride, i) => stride.Numbers == 0 || i >= nest.Sizes.Count ? 1.0 : nest.Sizes[i] > 0 ? nest.Sizes[i] : tokens).Aggregate(1.0, (a, b) => a * b);

    private double Size(EquatableArray<ProductAxisShape> axes) => axes.Select(axis => axis.Size > 0 ? axis.Size : (double)tokens).Aggregate(1.0, (a, b) => a * b);
}
