using System;
using System.IO;
using Sinter.Runtime;

namespace Sinter.Command.Terminal;

/// <summary>One sentence on the error stream for whatever went wrong, and the exit code that goes with it.</summary>
internal static class Failure
{
    public static int Report(Exception fault)
    {
        if (fault is AggregateException { InnerException: { } inner }) fault = inner;
        if (Environment.GetEnvironmentVariable("SINTER_DEBUG") == "1") Console.Error.WriteLine(fault);
        (string? sentence, int code) = Describe(fault);
        if (sentence is not null) Console.Error.WriteLine($"sinter: {OneLine(sentence)}");
        return code;
    }

    private static (string? Sentence, int Code) Describe(Exception fault) => fault switch
    {
        DiagnosticsException => (null, ExitCode.WrongInput),
        SinterException => (fault.Message, ExitCode.WrongInput),
        OperationCanceledException => ("cancelled.", ExitCode.Cancelled),
        IOException or UnauthorizedAccessException => (fault.Message, ExitCode.WrongInput),
        OutOfMemoryException => ("there is not enough memory for this.", ExitCode.WrongInput),
        _ => ($"a fault in Sinter itself: {fault.GetType().Name}: {fault.Message} (SINTER_DEBUG=1 shows where)", ExitCode.Internal),
    };

    private static string OneLine(string text) => text.ReplaceLineEndings(" ").Trim();
}

/// <summary>A model has errors, and they have been printed.</summary>
internal sealed class DiagnosticsException : Exception
{
}
