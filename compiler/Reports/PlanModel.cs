using System;
using System.Collections.Generic;
using System.Linq;
using Sinter.Compiler.Graph;
using Sinter.Compiler.Passes;

namespace Sinter.Compiler.Reports;

/// <summary>Works out what a model needs for sequences of a length.</summary>
public static class PlanModel
{
    /// <summary>Of the scales of a tensor stored in E4M3.</summary>
    private const int ScaleBlock = 128;

    /// <param name="context">Tokens a sequence: the prompt of prefill, and what decoding has behind it.</param>
    /// <param name="batch">Sequences side by side.</param>
    public static PlanReport Of(ModelGraph model, int context, int batch)
    {
        EquatableArray<StoredGroup> groups = TakeInventory.Of(model);
        List<StoredGroup> main = [.. groups.Where(group => !group.Predicts)];
        List<StoredGroup> prediction = [.. groups.Where(group => group.Predicts && !group.IsShared)];
        int numbers = model.Caches.Sum(cache => cache.Width);
        long bytesPerToken = (long)sizeof(float) * numbers * model.Layers;

        // Prefill reads the cache once for all its tokens, decoding the whole of it for each.
        return new PlanReport(
            context,
            batch,
            main.Sum(Bf16Bytes),
            main.Sum(Fp8Bytes),
            prediction.Sum(Bf16Bytes),
            prediction.Sum(Fp8Bytes),
            numbers,
            bytesPerToken,
            bytesPerToken * context * batch,
            Work(model, main, new Workload(context, context), (double)context * batch, bytesPerToken),
            Work(model, main, new Workload(1, context), batch, (double)bytesPerToken * context));
    }

    private static PhaseWork Work(ModelGraph model, List<StoredGroup> main, Workload step, double tokens, double cacheBytes) => new(
        CountFlops.PerToken(model, step, Workload.Decoding),
        CountFlops.PerToken(model, step, Workload.Prefill),
        main.Sum(group => Bf16Bytes(group) * Share(group, tokens)) / tokens,
        main.Sum(group => Fp8Bytes(group) * Share(group, tokens)) / tokens,
        cacheBytes);

    /// <summary>The part of a group that a step of some tokens reads: of a table their rows, of experts those that any token is expected to choose.</summary>
    private static double Share(StoredGroup group, double tokens)
    {
        if (group.Part == ModelPart.Embedding) return Math.Min(1, tokens / group.Tensor.Shape[0]);
        if (group.Tensor.Experts == 0) return 1;
        return 1 - Math.Pow(1 - (double)group.Chosen / group.Tensor.Experts, tokens);
    }

    private static long Bf16Bytes(StoredGroup group) => group.Total * 2;

    private static long Fp8Bytes(StoredGroup group)
    {
        bool isProjection = group.Part is ModelPart.Attention or ModelPart.Dense or ModelPart.SharedExperts or ModelPart.RoutedExperts;
        if (isProjection && group.Tensor.Shape.Count == 2)
        {
            long scales = (long)Blocks(group.Tensor.Shape[0]) * Blocks(group.Tensor.Shape[1]);
            return group.Total + group.Total / group.Size * scales * sizeof(float);
        }

        return group.Total * (group.Part == ModelPart.Router && group.Tensor.Shape.Count == 1 ? sizeof(float) : 2);
    }

    private static int Blocks(int size) => (size + ScaleBlock - 1) / ScaleBlock;
}
