using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Sinter.Runtime.Checkpoints;
using Sinter.Runtime.Execution;

namespace Sinter.Command.Measuring;

/// <summary>Bytes of stored weights that decoding one token reads.</summary>
internal static class WeightTraffic
{
    private const string ScaleSuffix = "_scale_inv";

    /// <summary>Every tensor of the main model once; of the embedding one row; of the experts as many as a token goes through.</summary>
    public static long BytesPerToken(ModelDescription description, IReadOnlyDictionary<string, StoredTensor> tensors)
    {
        double bytes = 0;
        foreach (WeightDeclaration declaration in description.Weights.Where(declaration => !declaration.Predicts))
        {
            double all = Names(declaration).Sum(name => Bytes(tensors, name));
            if (declaration.Experts > 0) all *= Chosen(description, declaration.Experts) / declaration.Experts;
            else if (declaration.Name.Contains("embed", System.StringComparison.Ordinal)) all /= declaration.Shape[0];
            bytes += all;
        }

        return (long)bytes;
    }

    private static double Bytes(IReadOnlyDictionary<string, StoredTensor> tensors, string name) =>
        (tensors.TryGetValue(name, out StoredTensor? tensor) ? tensor.ByteCount : 0)
        + (tensors.TryGetValue(name + ScaleSuffix, out StoredTensor? scales) ? scales.ByteCount : 0);

    /// <summary>Under the name that all published configs have; without it, as if every expert were read.</summary>
    private static double Chosen(ModelDescription description, int experts) =>
        description.Config.GetValueOrDefault("num_experts_per_tok") is long chosen ? chosen : experts;

    private static IEnumerable<string> Names(WeightDeclaration declaration)
    {
        for (int layer = 0; layer < declaration.Layers; layer++)
        {
            string name = declaration.Name.Replace("{layer}", (declaration.FirstLayer + layer).ToString(CultureInfo.InvariantCulture), System.StringComparison.Ordinal);
            if (declaration.Experts == 0) yield return name;
            for (int expert = 0; expert < declaration.Experts; expert++)
                yield return name.Replace("{expert}", expert.ToString(CultureInfo.InvariantCulture), System.StringComparison.Ordinal);
        }
    }
}
