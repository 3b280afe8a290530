using System;
using System.Runtime.ExceptionServices;
using System.Threading;

namespace Sinter.Compiler.Tests.Errors;

/// <summary>Runs the compiler with a stack of 1 MB, as a build's threads may have, and gives up on what hangs.</summary>
internal static class LimitedThread
{
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
        }, 1 << 20)
        {
            IsBackground = true,
        };
        thread.Start();
        if (!thread.Join(s_patience)) throw new TimeoutException("The compiler hangs.");
        failure?.Throw();
    }
}
