using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Training;

/// <summary>All that a compiled training graph works on: one sequence, and where its memory lies.</summary>
public unsafe struct TrainingPass
{
    /// <summary>The kinds of losses; those of multi-token prediction stand from <see cref="PredictionLoss"/> on, depth after depth.</summary>
    public const int MainLoss = 0, BalanceLoss = 1, PredictionLoss = 2;

    /// <summary>The sequence: its tokens are the rows.</summary>
    public Step Step;

    /// <summary>[tokens + 1 + depth]: the tokens read, and those to be foreseen.</summary>
    public int* TokenIds;

    /// <summary>[tokens] where the document of each token begins in the sequence: it attends to what comes from there on. Zeros without masks.</summary>
    public int* Begins;

    /// <summary>Whether the backward pass follows: it makes the losses of the head then, together with its gradients.</summary>
    public bool Trains;

    /// <summary>The most tokens that a sequence may have: buffers are laid out for it.</summary>
    public int MaxTokens;

    /// <summary><see cref="TrainingDescription.TokenBytes"/> × <see cref="MaxTokens"/>.</summary>
    public byte* TokenArena;

    /// <summary><see cref="TrainingDescription.PairBytes"/> × the square of <see cref="MaxTokens"/>.</summary>
    public byte* PairArena;

    public byte* FixedArena;

    /// <summary><see cref="TrainingDescription.KeptBytes"/> × <see cref="MaxTokens"/>.</summary>
    public byte* KeptArena;

    /// <summary>Master weights, by <see cref="TrainingDeclaration.Slot"/>.</summary>
    public float** Weights;

    /// <summary>Weights as the precision has them, by slot; null where no product reads the tensor so.</summary>
    public float** CastWeights;

    /// <summary>Gradients by slot; null where nothing trains the tensor.</summary>
    public float** Gradients;

    /// <summary>[rotaries] tables of [position, dimension] numbers: cosine and sine in turn, pair by pair.</summary>
    public float** Rotaries;

    /// <summary>[<see cref="PredictionLoss"/> + depths] what each loss of this sequence is worth in the objective: where gradients begin.</summary>
    public float* Worths;

    /// <summary>[<see cref="PredictionLoss"/> + depths] to which the sequence's losses are added.</summary>
    public float* Losses;

    /// <summary>[balanced layers, experts of the widest] to which the sequence's choices are added.</summary>
    public int* Loads;

    /// <summary>Experts of the layer that has most: numbers of a row of <see cref="Loads"/>.</summary>
    public int LoadStride;

    /// <summary>How many tokens pass at a time where at most so many can: no rest of a few, for which all weights would be read once more.</summary>
    public static int EvenStretch(int tokens, int most)
    {
        int parts = (tokens + most - 1) / most;
        return parts == 0 ? most : (tokens + parts - 1) / parts;
    }

    /// <summary>What a program that was compiled with clocks counts its time on.</summary>
    public KernelClock? Clock;
}
