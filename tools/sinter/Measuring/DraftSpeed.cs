using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using Sinter.Command.Terminal;
using Sinter.Runtime.Generation;

namespace Sinter.Command.Measuring;

/// <summary>What multi-token decoding costs and gives on text that the model says itself, with and without drafts in turn.</summary>
/// <param name="Depth">Tokens drafted for each pass.</param>
/// <param name="Drafted">Drafts checked.</param>
/// <param name="Accepted">Those of them that were kept.</param>
/// <param name="TokensPerPass">Tokens that a pass of the model gave.</param>
/// <param name="SpeedUp">Over decoding token by token, run by run.</param>
/// <param name="BreakEven">Tokens that a pass must give for drafting to cost nothing: the time of its passes over that of a pass of one token.</param>
internal sealed record DraftSpeed(int Depth, int Drafted, int Accepted, double TokensPerPass, Spread SpeedUp, double BreakEven)
{
    private const int PromptTokens = 8;

    public double Acceptance => Drafted > 0 ? (double)Accepted / Drafted : 0;

    /// <summary>Continues random beginnings greedily, each with and without drafts.</summary>
    public static async Task<DraftSpeed> Measure(LanguageModel model, int depth, int generate, int repeat, LongWork work, CancellationToken cancellation)
    {
        var random = new Random(671);
        List<double> speedUps = [], breakEvens = [];
        int drafted = 0, accepted = 0, passes = 0, tokens = 0;
        for (int run = 0; run <= repeat; run++)
        {
            work.Now(run == 0 ? "warming up drafts" : $"drafts, run {run} of {repeat}");
            int[] prompt = [.. Enumerable.Range(0, PromptTokens).Select(_ => random.Next(model.Description.VocabularySize))];
            GenerationStatistics plain = await Generate(model, prompt, 0, generate, cancellation);
            GenerationStatistics with = await Generate(model, prompt, depth, generate, cancellation);
            if (run == 0 || with.Passes == 0 || plain.Passes == 0) continue;
            speedUps.Add(plain.DecodeSeconds / with.DecodeSeconds);
            breakEvens.Add(with.DecodeSeconds / with.Passes / (plain.DecodeSeconds / plain.Passes));
            drafted += with.DraftedTokens;
            accepted += with.AcceptedTokens;
            passes += with.Passes;
            tokens += with.GeneratedTokens - 1;
        }

        return new DraftSpeed(depth, drafted, accepted, (double)tokens / Math.Max(1, passes), Spread.Of(speedUps), Spread.Of(breakEvens).Median);
    }

    private static async Task<GenerationStatistics> Generate(LanguageModel model, int[] prompt, int depth, int generate, CancellationToken cancellation)
    {
        GenerationStatistics? statistics = null;
        var options = new GenerationOptions { MaxTokens = generate, StopsAtEndOfSequence = false, Draft = depth };
        await foreach (GeneratedToken token in model.GenerateTokensAsync(prompt, options, cancellation)) statistics = token.Statistics;
        return statistics!;
    }
}
