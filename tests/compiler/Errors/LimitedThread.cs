using System;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace Sinter.Compiler.Tests.Errors;

/// <summary>Runs the compiler with half of the 1 MB of stack that a build's threads may have, and gives up on what hangs.</summary>
internal static class LimitedThread
{
    // Half, because code that the JIT has not optimised yet takes more stack, and it depends on the machine's speed which is.
    private const int Stack = 1 << 19;

    // Hundreds of times as long as anything here takes, on a busy machine too.
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(3);

    /// <summary>What the action throws comes out here.</summary>
    public static void Run(Action action)
    {
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                action();
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        }, Stack)
        {
            IsBackground = true,
        };
        thread.Start();
        if (!thread.Join(s_patience)) throw new TimeoutException("The compiler hangs.");
        failure?.Throw();
    }
}
