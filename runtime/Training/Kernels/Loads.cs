using Sinter.Runtime.Execution;

namespace Sinter.Runtime.Training.Kernels;

/// <summary>How often each expert was chosen.</summary>
public static unsafe class Loads
{
    /// <summary>Adds <paramref name="pairs"/> choices to the loads; the first worker does it.</summary>
    public static void Count(in Worker worker, int* chosen, int pairs, int* loads)
    {
        if (worker.Index > 0) return;
        for (int i = 0; i < pairs; i++) loads[chosen[i]]++;
    }
}
